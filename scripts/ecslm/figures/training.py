"""Figures of the course of training: losses, and right answers to validation records."""

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
from ecslm.figures.settings import FiguresSettings
from ecslm.figures.style import axis_end, looks, task_title
from ecslm.schemas.paths import ADAPTER_LOG

# A curve of losses has at most so many points, each the mean over as many steps.
POINTS = 60
# Of the models of a family, in order.
PATTERNS = ("solid", "dashed", "dotted", "dashdot")
NO_BREAK = "\N{NO-BREAK SPACE}"
LOSSES = {"loss": "Training records", "eval_loss": "Validation records"}


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
    figure, panels = titled_panels(list(LOSSES.values()), len(styles))
    texts = []
    for axes, (name, title) in zip(panels, LOSSES.items(), strict=True):
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
    titles = {}
    for task in settings.tasks_in_order:
        if any(task in of for of in logs["eval_right"]):
            counts = [of[task] for of in logs["eval_records"] if task in of]
            records = number_of(max(counts), "record").replace(" ", NO_BREAK) if counts else ""
            titles[task] = ", ".join(filter(None, [task_title(settings, task), records]))
    styles = _line_styles(settings)
    empty = ["No log has right answers"]
    figure, panels = titled_panels(list(titles.values()) or empty, len(styles))
    texts = []
    for axes, (task, title) in zip(panels, titles.items(), strict=False):
        right = logs.assign(right=[of.get(task) for of in logs["eval_right"]])
        for model, own in right.dropna(subset=["right"]).groupby("model", sort=False):
            means = own.groupby("records")["right"].mean()
            axes.plot(means.index, means, marker=".", **styles[model])
            texts.append(f"{title}: {model} from {means.iloc[0]:.3f} to {means.iloc[-1]:.3f}. ")
    for axes in panels:
        axes.set_ylim(0, axis_end([]))
        axes.xaxis.set_major_locator(MaxNLocator(3))
    figure.supylabel("Right answers", fontsize=7)
    return _of_records(figure, styles), "Right answers in validation. " + "".join(texts)


def _of_records(figure: Figure, styles: dict[str, dict[str, Any]]) -> Figure:
    """The figure, with its axis of training records and its legend."""
    for axes in figure.axes:
        axes.xaxis.set_major_formatter(in_units(RECORDS))
        axes.set_xlim(left=0)
    figure.supxlabel("Training records seen, of all tasks together", fontsize=7)
    add_legend(figure, [line_handle(model, **line) for model, line in styles.items()])
    return figure


def _line_styles(settings: FiguresSettings) -> dict[str, dict[str, Any]]:
    """A line for each model: the colour of its family, and a pattern of its own there."""
    known, found = looks(settings.families), {}
    patterns = {family: cycle(PATTERNS) for family in known}
    for model in settings.trained:
        family = settings.models[model].family
        found[model] = {"color": known[family].colour, "linestyle": next(patterns[family])}
    return found
