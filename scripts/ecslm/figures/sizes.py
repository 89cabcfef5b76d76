"""Scores against the size of a model, and against the computation that an answer takes.

Computation is what can be told of cost without a clock: what the same answer takes in seconds or
money depends on the machine, and stands in the table of costs alone.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from ecslm.common.csv_rows import read_csv
from ecslm.common.errors import InputError
from ecslm.figures.inputs import TokensPerAnswer
from ecslm.figures.panels import draw_panels
from ecslm.figures.points import Drawing
from ecslm.figures.scores import Point, TaskScores
from ecslm.figures.settings import FiguresSettings

PARAMETERS = ((1e9, "B"), (1e6, "M"))
# Tuned and untuned models of one base, as a factor.
BESIDE = 1.06
OPERATIONS = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"))


def read_sizes(path: Path) -> dict[str, int]:
    """The parameters of published models whose authors tell them, from a CSV file.

    Raises:
        InputError: the file is missing, lacks a column, has a model twice, or a size that is not a
            number.
    """
    rows = read_csv(path, ("model", "parameters"), ("model",))
    problems = [
        f"{path}: {row['model']}: {row['parameters']!r} is not a whole number"
        for row in rows
        if not row["parameters"].isdecimal()
    ]
    if problems:
        raise InputError(*problems)
    return {row["model"]: int(row["parameters"]) for row in rows}


def draw_parameters(
    tasks: Sequence[TaskScores], settings: FiguresSettings, published: Mapping[str, int]
) -> Figure:
    """Scores against the parameters of the base.

    Args:
        published: parameters of published rows; others have not published theirs.
    """

    def parameters(_task: TaskScores, point: Point) -> float | None:
        model = settings.models.get(point.reproduces or point.row)
        if model is None:
            return published.get(point.row)
        # Beside each other, not above.
        shift = BESIDE if model.tuned else 1 / BESIDE
        return None if model.parameters is None else model.parameters * shift

    drawing = Drawing(settings.models)
    return draw_panels(tasks, drawing, parameters, "Parameters of the base model", PARAMETERS)


def draw_computation(
    tasks: Sequence[TaskScores], settings: FiguresSettings, tokens: TokensPerAnswer
) -> Figure:
    """Scores against floating-point operations per answer: two for each weight that a token is
    multiplied with, one product and one sum (J. Kaplan et al., 2020), and for each token that is
    read or written. Attention to other tokens, and the adapter, add little and are left out."""

    def operations(task: TaskScores, point: Point) -> float | None:
        model = settings.models.get(point.row)
        if model is None or model.multiplied is None:
            return None
        used = tokens(point.row, task.task)
        return None if used is None else 2 * model.multiplied * used

    label = "Floating-point operations per answer"
    return draw_panels(tasks, Drawing(settings.models), operations, label, OPERATIONS)
