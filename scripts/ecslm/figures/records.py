"""Scores against the number of training records, of models that differ in nothing else."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pydantic import BaseModel

from ecslm.common.validation import read_model
from ecslm.figures.panels import (
    add_legend,
    draw_references,
    family_handles,
    line_handle,
    quantity_axis,
    reference_handles,
    task_panels,
)
from ecslm.figures.points import Drawing
from ecslm.figures.scores import Point, TaskScores
from ecslm.figures.settings import FiguresSettings, TableFigures
from ecslm.figures.style import INK
from ecslm.schemas.paths import ADAPTER

RECORDS = ((1e6, "M"), (1e3, "k"))
UNTUNED = "dashdot"


class Trained(BaseModel):
    """What an adapter's manifest says of its records; it has more than this."""

    records: dict[str, int]


def training_records(results: Path, settings: FiguresSettings) -> dict[str, int]:
    """Records that each model was trained on, of all tasks together: the same for all seeds.

    Raises:
        InputError: a manifest is missing or broken.
    """
    tuned = {
        model: sum(
            read_model(
                results / ADAPTER.format(model=model, seed=seeds[0]), Trained
            ).records.values()
        )
        for model, seeds in settings.trained.items()
    }
    learned = {name: one.records_of for name, one in settings.models.items() if one.records_of}
    return tuned | {name: tuned[model] for name, model in learned.items()}


def draw_records(
    tasks: Sequence[TaskScores],
    drawn: TableFigures,
    settings: FiguresSettings,
    records: Mapping[str, int],
) -> Figure:
    """The figure: a line through the models of each group, and one at each model without tuning."""
    drawing = Drawing(settings.models)
    grouped = [name for group in drawn.shares for name in group]
    untuned = [name for name, one in settings.models.items() if not (one.tuned or one.records_of)]
    points = [point for one in tasks for point in one.points if point.row in grouped]
    handles = family_handles(drawing, points)
    if any(point.row in untuned for one in tasks for point in one.points):
        handles.append(line_handle("not tuned", UNTUNED, INK))
    handles += reference_handles(tasks)
    figure, panels = task_panels(tasks, len(handles))
    for axes, one in zip(panels, tasks, strict=True):
        quantity_axis(axes, [records[name] for name in grouped], RECORDS)
        draw_references(axes, one)
        of_row = {point.row: point for point in one.points}
        for point in (of_row[name] for name in untuned if name in of_row):
            axes.axhline(point.value, color=drawing.look(point).colour, linestyle=UNTUNED)
        for group in drawn.shares:
            found = [of_row[name] for name in group if name in of_row]
            _draw_line(axes, drawing, {records[point.row]: point for point in found})
    figure.supxlabel("Training records, of all tasks together", fontsize=7)
    add_legend(figure, handles)
    return figure


def _draw_line(axes: Axes, drawing: Drawing, points: Mapping[int, Point]) -> None:
    values = [point.value for point in points.values()]
    for colour in {drawing.look(point).colour for point in points.values()}:
        axes.plot(list(points), values, color=colour, linewidth=0.8)
    drawing.draw(axes, [(point, place) for place, point in points.items()], upright=True)
