"""Figures of the course of training: losses, and right answers to validation records."""

from collections.abc import Iterator, Mapping
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from pydantic import BaseModel

from ecslm.common.files import read_jsonl
from ecslm.common.text import number_of
from ecslm.figures.panels import RECORDS, add_legend, in_units, line_handle, titled_panels
from ecslm.figures.points import Points
from ecslm.figures.settings import FiguresSettings
from ecslm.figures.style import axis_end, task_title
from ecslm.schemas.paths import ADAPTER_LOG

# A curve of losses has at most so many points, each the mean over as many steps.
POINTS = 60
# Of the models of a family, in order.
PATTERNS = ("solid", "dashed", "dotted", "dashdot")
NO_BREAK = "\N{NO-BREAK SPACE}"


class LogEntry(BaseModel):
    """A line of log.jsonl, of an optimiser step or of an evaluation; it has more than this."""

    records: int
    """Training records seen so far, over all epochs."""
    loss: float | None = None
    eval_loss: float | None = None
    eval_right: dict[str, float] = {}
    """Share of right answers by task."""
    eval_records: dict[str, int] = {}
    """Validation records by task."""


def read_logs(results: Path, settings: FiguresSettings) -> pd.DataFrame:
    """The training logs of all models that are trained, a row for each line of each seed.

    Raises:
        InputError: a file is missing or broken.
    """
    rows = [
        {"model": model, "seed": seed} | entry.model_dump()
        for model, seeds in settings.trained.items()
        for seed in seeds
        for entry in read_jsonl(results / ADAPTER_LOG.format(model=model, seed=seed), LogEntry)
    ]
    return pd.DataFrame(rows, columns=["model", "seed", *LogEntry.model_fields])


def draw_loss(logs: pd.DataFrame, settings: FiguresSettings) -> tuple[Figure, str]:
    """The figure: losses of the training and of the validation records, a line for each seed."""
    styles = _line_styles(settings)
    titles = ("Training records", "Validation records")
    figure, panels = titled_panels(titles, len(styles))
    texts = []
    for axes, title, name in zip(panels, titles, ("loss", "eval_loss"), strict=True):
        for (model, seed), own in logs.dropna(subset=[name]).groupby(["model", "seed"], sort=False):
            parts = np.array_split(own[["records", name]].to_numpy(), min(POINTS, len(own)))
            means = np.array([part.mean(axis=0) for part in parts])
            axes.plot(*means.T, marker="." if name == "eval_loss" else None, **styles[model])
            first, last = means[[0, -1], 1]
            texts.append(f"{title}, {model}, seed {seed}: from {first:.3f} to {last:.3f}. ")
        axes.set_ylabel("Loss")
        axes.set_ylim(bottom=0)
    return _of_records(figure, styles), f"Losses. {''.join(texts)}"


def draw_validation(logs: pd.DataFrame, settings: FiguresSettings) -> tuple[Figure, str]:
    """The figure: the share of right answers to the validation records of each task, by the number
    of training records that were seen; a line for each model, the mean over its seeds. Titles say
    how many records there are: few make a coarse curve."""
    found = _right_answers(logs)
    tasks = [task for task in settings.tasks_in_order if task in set(found["task"])]
    titles = []
    for task in tasks:
        records = found.loc[found["task"] == task, "records"].max()
        title = task_title(settings, task)
        if not np.isnan(records):
            title += f", {number_of(int(records), 'record').replace(' ', NO_BREAK)}"
        titles.append(title)
    styles = _line_styles(settings)
    figure, panels = titled_panels(titles or ["No log has right answers"], len(styles))
    texts = []
    for axes, task, title in zip(panels, tasks, titles, strict=False):
        for model, own in found[found["task"] == task].groupby("model", sort=False):
            means = own.groupby("seen")["right"].mean()
            axes.plot(means.index, means, marker=".", **styles[model])
            texts.append(f"{title}: {model} from {means.iloc[0]:.3f} to {means.iloc[-1]:.3f}. ")
    for axes in panels:
        axes.set_ylim(0, axis_end([]))
        axes.xaxis.set_major_locator(MaxNLocator(3))
    figure.supylabel("Right answers", fontsize=7)
    return _of_records(figure, styles), "Right answers in validation. " + "".join(texts)


def _right_answers(logs: pd.DataFrame) -> pd.DataFrame:
    """The shares of right answers, a row for each model, seed, evaluation and task."""
    rows = [
        {
            "model": row.model,
            "seen": row.records,
            "task": task,
            "right": share,
            "records": row.eval_records.get(task),
        }
        for row in logs.itertuples()
        for task, share in row.eval_right.items()
    ]
    return pd.DataFrame(rows, columns=["model", "seen", "task", "right", "records"])


def _of_records(figure: Figure, styles: Mapping[str, dict[str, Any]]) -> Figure:
    """The figure, with its axis of training records and its legend."""
    for axes in figure.axes:
        axes.xaxis.set_major_formatter(in_units(RECORDS))
        axes.set_xlim(left=0)
    figure.supxlabel("Training records seen, of all tasks together", fontsize=7)
    add_legend(figure, [line_handle(model, **line) for model, line in styles.items()])
    return figure


def _line_styles(settings: FiguresSettings) -> dict[str, dict[str, Any]]:
    """A line for each model: the colour of its family, and a pattern of its own there."""
    points = Points(settings.models)
    patterns: dict[str, Iterator[str]] = {}
    return {
        model: {
            "color": points.look(model).colour,
            "linestyle": next(patterns.setdefault(settings.models[model].family, cycle(PATTERNS))),
        }
        for model in settings.trained
    }
