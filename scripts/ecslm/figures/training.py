"""Figures of the course of training: losses, and right answers to validation records."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from pydantic import BaseModel

from ecslm.common.files import read_jsonl
from ecslm.common.text import with_code
from ecslm.figures.panels import (
    add_legend,
    in_units,
    legend_height,
    line_handle,
    titled_panels,
)
from ecslm.figures.points import Drawing
from ecslm.figures.records import RECORDS
from ecslm.figures.settings import FiguresSettings
from ecslm.figures.style import PAGE, axis_end
from ecslm.schemas.paths import ADAPTER_LOG

HEIGHT = 2.2
# A curve of training has at most so many points, each the mean over as many steps.
POINTS = 60
# Of the models of a family, in order.
PATTERNS = ("solid", "dashed", "dotted", "dashdot")


class LogEntry(BaseModel):
    """A line of log.jsonl, of an optimiser step or of an evaluation; it has more than this."""

    records: int
    """Training records seen so far, over all epochs."""
    loss: float | None = None
    eval_loss: float | None = None
    eval_right: dict[str, float] = {}
    """Share of right answers by task."""


# The logs of a model, one for each seed.
Logs = Mapping[str, Sequence[Sequence[LogEntry]]]


def read_logs(results: Path, settings: FiguresSettings) -> dict[str, list[list[LogEntry]]]:
    """The training logs of all models that are trained. They have clock values: as inputs, the
    manifests of the adapters stand for them.

    Raises:
        InputError: a file is missing or broken.
    """
    return {
        model: [
            read_jsonl(results / ADAPTER_LOG.format(model=model, seed=seed), LogEntry)
            for seed in seeds
        ]
        for model, seeds in settings.trained.items()
    }


def draw_loss(logs: Logs, settings: FiguresSettings) -> Figure:
    """The figure: losses of the training and of the validation records, a line for each seed."""
    styles = _line_styles(list(logs), settings)
    figure = Figure(figsize=(PAGE, HEIGHT + legend_height(len(styles))))
    training, validation = figure.subplots(1, 2)
    for model, of_seeds in logs.items():
        for entries in of_seeds:
            training.plot(*_losses(entries, "loss", POINTS), **styles[model])
            validation.plot(*_losses(entries, "eval_loss"), marker=".", **styles[model])
    for axes, records in ((training, "training"), (validation, "validation")):
        axes.set_title(f"Loss of the {records} records")
        axes.set_xlabel("Training records seen, in all passes")
        axes.xaxis.set_major_formatter(in_units(RECORDS))
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
    add_legend(figure, [line_handle(model, **line) for model, line in styles.items()])
    return figure


def draw_validation(logs: Logs, settings: FiguresSettings) -> Figure:
    """The figure: the share of right answers to the validation records of each task, by the number
    of training records that were seen; a line for each model, the mean over its seeds."""
    found = {
        model: _right_answers([entry for entries in of_seeds for entry in entries])
        for model, of_seeds in logs.items()
    }
    tasks = sorted({task for of_tasks in found.values() for task in of_tasks})
    styles = _line_styles(list(logs), settings)
    known = settings.context.tasks
    titles = [with_code(known[task].title, task) if task in known else task for task in tasks]
    figure, panels = titled_panels(titles or ["No log has right answers"], len(styles))
    for axes, task in zip(panels, tasks, strict=False):
        for model, of_tasks in found.items():
            points = sorted(of_tasks.get(task, {}).items())
            axes.plot(*zip(*points, strict=True), marker=".", **styles[model])
    for axes in panels:
        axes.set_ylim(0, axis_end([]))
        axes.xaxis.set_major_formatter(in_units(RECORDS))
        axes.xaxis.set_major_locator(MaxNLocator(3))
    figure.supylabel("Right answers", fontsize=7)
    figure.supxlabel("Training records seen, of all tasks together", fontsize=7)
    add_legend(figure, [line_handle(model, **line) for model, line in styles.items()])
    return figure


def _right_answers(entries: Sequence[LogEntry]) -> dict[str, dict[int, float]]:
    """The mean share of right answers, by task and number of records."""
    shares: dict[str, dict[int, list[float]]] = {}
    for entry in entries:
        for task, share in entry.eval_right.items():
            shares.setdefault(task, {}).setdefault(entry.records, []).append(share)
    return {
        task: {records: fmean(of_seeds) for records, of_seeds in by_records.items()}
        for task, by_records in shares.items()
    }


def _line_styles(models: Sequence[str], settings: FiguresSettings) -> dict[str, dict[str, Any]]:
    """A line for each model: the colour of its family, and a pattern of its own there."""
    looks = Drawing(settings.models).looks
    patterns: dict[str, Iterator[str]] = {}
    found = {}
    for model in models:
        family = settings.models[model].family
        pattern = next(patterns.setdefault(family, cycle(PATTERNS)))
        found[model] = {"color": looks[family].colour, "linestyle": pattern}
    return found


def _losses(
    entries: Sequence[LogEntry], name: Literal["loss", "eval_loss"], points: int | None = None
) -> tuple[list[float], list[float]]:
    """Records seen and losses; with `points`, means over as many parts of the steps at most."""
    known = [(one.records, loss) for one in entries if (loss := getattr(one, name)) is not None]
    parts = np.array_split(np.array(known), min(points or len(known), len(known)) or 1)
    means = [part.mean(axis=0) for part in parts if len(part)]
    return [float(one[0]) for one in means], [float(one[1]) for one in means]
