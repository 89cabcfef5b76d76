"""The scores that figures show: those of a results table, as its kind builds them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ecslm.common.text import with_code
from ecslm.figures.settings import FiguresSettings
from ecslm.tables.inputs import Inputs
from ecslm.tables.kinds.results import ResultsEntry
from ecslm.tables.model import Interval, Row, RowKind, Simple, Table


@dataclass(frozen=True)
class Point:
    """The score of a row in a task.

    Attributes:
        chosen: whether it is the best of several models, chosen by the test records themselves.
        reproduces: the study's model that a published row belongs to, if it follows one.
    """

    row: str
    kind: RowKind
    value: float
    interval: Interval | None = None
    doubled: bool = False
    other_data: bool = False
    chosen: bool = False
    reproduces: str | None = None

    @property
    def comparable(self) -> bool:
        """Whether the value can be compared with our own of the task."""
        return not (self.doubled or self.other_data)

    @property
    def reliable(self) -> bool:
        """False where the interval may be too narrow."""
        return self.interval is None or self.interval.reliable


@dataclass(frozen=True)
class TaskScores:
    """The scores of a task, in the order of the table's rows, of those that have a value."""

    task: str
    title: str
    metric: str
    records: int | None
    """Test records, None if rows differ."""
    points: tuple[Point, ...]
    simple: Simple | None = None
    """The best simple baseline."""

    @property
    def name(self) -> str:
        """What the task is called above a panel."""
        return with_code(self.title, self.task)

    @property
    def published(self) -> Point | None:
        """The best of the published rows, of equal ones the first. Doubled values never are."""
        found = [one for one in self.points if one.kind == "published" and not one.doubled]
        return max(found, key=lambda point: point.value, default=None)


def scores_files(settings: FiguresSettings) -> list[str]:
    """The files of all scores, relative to the study's results directory."""
    found = (_entry(settings, table).files(settings.context) for table in settings.tables)
    return list(dict.fromkeys(path for files in found for path in files))


def read_scores(settings: FiguresSettings, table: str, inputs: Inputs) -> list[TaskScores]:
    """The scores of a results table, from the same files and by the same code as the table.

    Raises:
        InputError: a file is missing or broken.
    """
    return task_scores(_entry(settings, table).build(table, inputs), settings)


def task_scores(table: Table, settings: FiguresSettings) -> list[TaskScores]:
    """The scores of each column of a results table; models whose answers are limited to valid ones
    are left out, since these never compete with free answers."""
    (panel,) = table.panels
    limited = {name for name, model in settings.context.models.items() if model.limits}
    return [
        TaskScores(
            task=column.key,
            title=settings.context.tasks[column.key].title,
            metric=column.detail,
            records=None if column.fewer else column.records,
            points=tuple(
                point
                for group in panel.groups
                for point in _points(group.rows, number)
                if point.row not in limited
            ),
            simple=column.simple,
        )
        for number, column in enumerate(panel.columns)
    ]


def _points(rows: Sequence[Row], column: int) -> Iterator[Point]:
    for before, row in zip((None, *rows), rows, strict=False):
        cell = row.cells[column]
        if not isinstance(cell.value, int | float):
            continue
        follows = row.kind == "published" and before is not None and before.kind == "model"
        yield Point(
            row=row.name,
            kind=row.kind,
            value=cell.value,
            interval=cell.interval,
            doubled="doubled" in cell.marks,
            other_data="other_data" in row.marks,
            chosen="chosen" in row.marks,
            reproduces=before.name if follows and before is not None else None,
        )


def _entry(settings: FiguresSettings, table: str) -> ResultsEntry:
    return ResultsEntry.model_validate(settings.tables[table].entry)
