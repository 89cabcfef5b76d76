"""All figures of a study, each with a description of what it shows, for those who cannot see it.

Those of scores have a dot with its interval for each row of a results table. Computation is what
can be told of cost without a clock: what an answer takes in seconds or money depends on the machine
and the prompt, and stands in the table of costs alone.
"""

import math
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, NullLocator
from pydantic import BaseModel

from ecslm.common.rows import read_jsonl
from ecslm.common.text import number_of
from ecslm.figures import style
from ecslm.figures.settings import DrawnTable, FigureName, FiguresSettings
from ecslm.schemas.paths import ADAPTER_LOG
from ecslm.tables.inputs import Inputs
from ecslm.tables.model import Row, score_text

COLUMNS = [
    *("table", "task", "row", "value", "low", "high", "reliable", "records", "computation"),
    *("share", "simple", "published", "doubled", "family", "look", "filled"),
]
# Columns of the frame of scores, and what they are called on an axis.
AGAINST = {
    "computation": ("computation", "Floating-point operations per token"),
    "records": ("share", "Share of the training records, %"),
}
# Of the line of a row, and of all around them, in inches.
LINE_HEIGHT, AROUND = 0.145, 0.6
# A curve of losses has at most so many points, each the mean over as many steps.
POINTS = 60
# Of models, in order.
PATTERNS = ("solid", "dashed", "dotted", "dashdot")
LOSSES = {"loss": "Training records", "eval_loss": "Validation records"}


class LogEntry(BaseModel):
    """A line of log.jsonl, of an optimiser step or of an evaluation; it has more than this."""

    records: int
    """Training records seen so far, over all epochs."""
    loss: float | None = None
    eval_loss: float | None = None


def draw_figures(
    settings: FiguresSettings, results: Path
) -> Iterator[tuple[FigureName, Figure, str]]:
    """All figures, one after the other, with their descriptions.

    Raises:
        InputError: a file is missing, altered or invalid.
    """
    scores, logs = read_scores(results, settings), read_logs(results, settings)
    tables = {table.name: table for table in settings.tables}
    for name in settings.names():
        own = scores[scores["table"] == name.table]
        match name.kind:
            case "intervals":
                yield name, *draw_intervals(name.task, own[own["task"] == name.task], settings)
            case "computation" | "records":
                yield name, *draw_against(name, tables[name.table], own, settings)
            case "loss":
                yield name, *draw_loss(logs, settings)


def read_scores(results: Path, settings: FiguresSettings) -> pd.DataFrame:
    """The scores of all drawn tables, those that are defined and can be compared, in the order of
    columns and rows: published ones, models, and the best simple baseline. Models whose answers are
    limited to valid ones never compete with free ones.

    Columns: `table`, `task`, `row`, `value`; of the study's own `low` and `high` (95 %) and
    `reliable` (false if the interval may be too narrow); `records` (of the test, at most);
    `computation` (for a token) and `share` (of the training records, in per cent) of a model;
    whether a row is the best `simple` baseline of its task, and whether it is `published`, with a
    value that is `doubled`; of a model its `family`; the `look` of its marker, and whether that is
    `filled`.

    Raises:
        InputError: a file is missing, altered or invalid.
    """
    inputs = Inputs(settings.context, results, {})
    models, rows = settings.context.models, list[dict[str, Any]]()
    known = style.looks(one.family for one in models.values())
    for drawn in settings.tables:
        (panel,) = drawn.entry.build(drawn.name, inputs).panels
        for at, head in enumerate(panel.columns):
            found = [(row, row.cells[at]) for row in panel.rows if "other_data" not in row.marks]
            name, best = inputs.scores.simple(head.key, drawn.entry.setting) or ("", None)
            if best and name not in [row.name for row, _ in found]:
                found.append((Row(name, "baseline", ()), best.cell))
            for row, cell in found:
                is_published, doubled = row.kind == "published", "doubled" in cell.marks
                model = None if is_published else models.get(row.name)
                simple = row.name == name and not is_published
                if not (is_published or simple or (model and not model.limits)):
                    continue
                interval, look = cell.interval, style.PUBLISHED if is_published else style.BASELINE
                about: dict[str, Any] = {"table": drawn.name, "task": head.key, "row": row.name}
                about |= {"value": cell.number, "records": head.records, "look": look}
                about |= {"low": interval and interval.low, "high": interval and interval.high}
                about |= {"reliable": interval is None or interval.reliable}
                about |= {"simple": simple, "published": is_published}
                about |= {"doubled": doubled, "filled": not doubled}
                if model:
                    # One product and one sum for each weight (J. Kaplan et al., 2020). Attention to
                    # other tokens, and the adapter, add little and are left out.
                    about["computation"] = model.multiplied and 2 * model.multiplied
                    about |= {"share": model.share and 100 * model.share, "family": model.family}
                    about |= {"look": known[model.family], "filled": model.tuned}
                rows.append(about)
    scores = pd.DataFrame(rows, columns=COLUMNS).dropna(subset=["value"])
    return scores.drop_duplicates(["table", "task", "row", "published"])


def draw_intervals(task: str, rows: pd.DataFrame, settings: FiguresSettings) -> tuple[Figure, str]:
    """The figure of a task, its rows one below the other: published ones, models and the best
    simple baseline, at whose value a dotted line goes through all rows."""
    lines, metric = max(1, len(rows)), settings.context.tasks[task].metric
    figure = Figure(figsize=(style.COLUMN, LINE_HEIGHT * lines + AROUND))
    title = style.task_title(settings, task)
    for records in rows["records"].dropna()[:1]:
        title += f", {number_of(int(records), 'record')}"
    figure.suptitle(title, x=0.01, horizontalalignment="left")
    axes = figure.subplots()
    style.label_metric(axes.xaxis, metric)
    axes.set(xlim=(0, style.axis_end(rows["value"])), ylim=(lines - 0.5, -0.5))
    axes.set_yticks(range(len(rows)), rows["row"])
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    axes.spines["left"].set_visible(False)
    for value in rows.loc[rows["simple"], "value"]:
        axes.axvline(value, color=style.SOFT, linestyle="dotted")
    for place, row in enumerate(rows.itertuples()):
        style.draw_point(axes, row, place, upright=False)
        axes.annotate(
            score_text(row.value) + "*" * (not row.reliable) + "†" * row.doubled,
            (1, place),
            xycoords=("axes fraction", "data"),
            xytext=(3, 0),
            textcoords="offset points",
            verticalalignment="center",
            fontsize=rcParams["legend.fontsize"],
        )
    return figure, f"{title}, {metric}: {described(rows)}."


def draw_against(
    figure_name: FigureName, table: DrawnTable, scores: pd.DataFrame, settings: FiguresSettings
) -> tuple[Figure, str]:
    """The figure of a table's scores against computation or shares of records, a panel for each
    task: the models that have that quantity, with lines at the best published value and at the best
    simple baseline.

    Against records a line goes through models of other shares; then models that have no quantity,
    since they were not trained, are lines too.
    """
    column, label = AGAINST[figure_name.kind]
    groups = table.shares if figure_name.kind == "records" else ()
    models, known = scores["family"].notna(), scores[column].notna()
    placed, flat = scores[models & known], scores[models & ~known & bool(groups)]
    # Doubled values never are the best.
    published = scores[scores["published"] & ~scores["doubled"]]
    best = published.loc[published.groupby("task")["value"].idxmax()]
    lines = [
        (flat, "not tuned", "dashdot"),
        (best, "best published value", "dashed"),
        (scores[scores["simple"]], "best simple baseline", "dotted"),
    ]
    looks = sorted(placed.groupby("family")["look"].first().items())
    handles = [Line2D([], [], label=name, **style.marker(look, True)) for name, look in looks]
    for rows, text, pattern in lines:
        if len(rows):
            handles.append(style.line_handle(text, pattern))
    titles = {task: style.task_title(settings, task) for task in scores["task"].unique()}
    figure, panels = style.titled_panels(list(titles.values()), len(handles))
    for axes, task in zip(panels, titles, strict=True):
        style.label_metric(axes.yaxis, settings.context.tasks[task].metric)
        axes.set_ylim(0, style.axis_end(scores.loc[scores["task"] == task, "value"]))
        quantity_axis(axes, placed[column])
        for rows, _, pattern in lines:
            for row in rows[rows["task"] == task].itertuples():
                axes.axhline(row.value, color=style.SOFT, linestyle=pattern, linewidth=0.8)
        here = placed[placed["task"] == task].set_index("row", drop=False)
        for group in groups:
            line = here.reindex([name for name in group if name in here.index])
            for look in line["look"][:1]:
                axes.plot(line[column], line["value"], color=look.colour, linewidth=0.8)
        for row in here.itertuples():
            style.draw_point(axes, row, getattr(row, column), upright=True)
    figure.supxlabel(label)
    style.add_legend(figure, handles)
    texts = (f"{of}: {described(scores[scores['task'] == task])}" for task, of in titles.items())
    return figure, f"Scores against: {label}. {'. '.join(texts)}."


def quantity_axis(axes: Axes, quantities: pd.Series) -> None:
    """A logarithmic axis of whole decades for quantities, if there are any, the same in each
    panel."""
    if len(quantities):
        first = math.floor(math.log10(quantities.min()))
        last = max(first + 1, math.ceil(math.log10(quantities.max())))
        axes.set_xscale("log")
        axes.set_xlim(10.0**first, 10.0**last)
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))


def described(rows: pd.DataFrame) -> str:
    """The values of rows in words, with their intervals."""
    return ", ".join(
        f"{row.row} {score_text(row.value)}"
        + ("" if pd.isna(row.low) else f" ({score_text(row.low)} to {score_text(row.high)})")
        for row in rows.itertuples()
    )


def read_logs(results: Path, settings: FiguresSettings) -> pd.DataFrame:
    """The training logs of all models that are trained, a row for each line of each seed.

    Raises:
        InputError: a file is missing or broken.
    """
    rows = [
        job | entry.model_dump()
        for job in settings.context.adapters
        for entry in read_jsonl(results / ADAPTER_LOG.format(**job), LogEntry)
    ]
    return pd.DataFrame(rows, columns=["model", "seed", *LogEntry.model_fields])


def draw_loss(logs: pd.DataFrame, settings: FiguresSettings) -> tuple[Figure, str]:
    """The figure: losses of the training and of the validation records, by the number of training
    records that were seen, a line for each seed.

    Each model has the colour of its family, and a pattern.
    """
    models, styles = settings.context.models, dict[str, dict[str, Any]]()
    known = style.looks(one.family for one in models.values())
    for model, pattern in zip(logs["model"].unique(), cycle(PATTERNS), strict=False):
        colour = known[models[model].family].colour
        styles[model] = {"color": colour, "linestyle": pattern}
    figure, grid = style.titled_panels(list(LOSSES.values()), len(styles))
    texts = ["Losses."]
    for axes, (name, title) in zip(grid, LOSSES.items(), strict=True):
        for (model, seed), own in logs.dropna(subset=[name]).groupby(["model", "seed"], sort=False):
            parts = np.array_split(own[["records", name]].to_numpy(), min(POINTS, len(own)))
            records, means = np.array([part.mean(axis=0) for part in parts]).T
            mark = "." if name == "eval_loss" else None
            axes.plot(records, means, marker=mark, **styles[model])
            ends = f"from {means[0]:.3f} to {means[-1]:.3f}"
            texts.append(f"{title}, {model}, seed {seed}: {ends}.")
        axes.set(ylabel="Loss", xlim=(0, None), ylim=(0, None))
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    figure.supxlabel("Training records seen, of all tasks together")
    style.add_legend(figure, [style.line_handle(model, **line) for model, line in styles.items()])
    return figure, " ".join(texts)
