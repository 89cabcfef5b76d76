"""The results table of one setting: published rows, baselines, untuned and tuned models."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from ecslm.schemas.paths import SCORES_PARQUET
from ecslm.schemas.references import BaselineName, ModelName, SettingName, TaskName
from ecslm.schemas.settings import Closed
from ecslm.tables import notes
from ecslm.tables.inputs import TASKS, Inputs, IntervalsEntry
from ecslm.tables.model import (
    Cell,
    HeaderCell,
    Panel,
    Row,
    RowGroup,
    RowKind,
    Simple,
    Table,
    difference_text,
)
from ecslm.tables.scores import Scored

# With two competitors, every cell would be best or second best.
FEWEST_FOR_SECOND = 3


class Rows(Closed):
    """A group of rows of a results table: published ones, trivial baselines, models."""

    group: str
    """Title above the rows."""
    models: tuple[ModelName, ...] = ()
    """The study's models."""
    baselines: tuple[BaselineName, ...] = ()
    """Trivial baselines."""
    published: tuple[str, ...] = ()
    """Rows of the published results."""
    followed_by_published: bool = False
    """Whether each model's row is followed by its published row, if there is one."""


class ResultsEntry(IntervalsEntry):
    """Scores of one setting, with a row for each model, baseline and published result."""

    READS: ClassVar = (SCORES_PARQUET,)

    kind: Literal["results"]
    setting: SettingName
    """Evaluation setting."""
    published_table: str | None = None
    """Which published table the published rows come from, for example `IND`."""
    columns: tuple[TaskName, ...] = TASKS
    rows: tuple[Rows, ...] = Field((), min_length=1, validate_default=True)
    """Groups of rows, in order (default: the trivial baselines, then each group of models)."""
    competitors: tuple[str, ...] = ()
    """Rows among which the best and the second of a column are marked."""
    reproduces: dict[ModelName, str] = {}
    """Published row of a model, where its name differs from the model's."""

    @model_validator(mode="after")
    def _names(self) -> "ResultsEntry":
        rows = {name for one in self.rows for name in (*one.models, *one.baselines, *one.published)}
        followed = (one for one in self.rows if one.followed_by_published)
        rows |= {_published_name(self.reproduces.get(x, x)) for one in followed for x in one.models}
        if unknown := sorted({*self.competitors}.difference(rows)):
            raise ValueError(f"competitors: {unknown[0]} is not a row")
        return self

    @property
    def models(self) -> tuple[str, ...]:
        """The models of all rows, in order."""
        return tuple(dict.fromkeys(model for group in self.rows for model in group.models))

    def published_rows(self) -> Iterable[tuple[str | None, str]]:
        """Those that rows name."""
        return ((self.published_table, row) for group in self.rows for row in group.published)

    def build(self, name: str, inputs: Inputs) -> Table:
        """The table from scores and published results."""
        models, tasks = inputs.study.models, self.columns
        named = [row for group in self.rows for row in (*group.baselines, *group.models)]
        shown = [one for one in named if one not in models or {*tasks} & {*models[one].tasks}]
        scored = inputs.scores.of_all(shown, tasks, self.setting)
        constants = notes.constants(scored, models)

        def cell(row: str, task: str) -> Cell:
            if (one := scored.get((row, task))) is None:
                return Cell()
            return replace(one.cell, marks=("constant",) * ((row, task) in constants))

        cells = {row: [cell(row, task) for task in tasks] for row in shown}
        groups = [RowGroup(one.group, tuple(self._rows(one, inputs, cells))) for one in self.rows]
        columns = tuple(self._head(task, inputs, scored) for task in tasks)
        marked = with_marks([one for one in groups if one.rows], columns, self.competitors)
        panel = Panel("", "Model", columns, marked)
        below = [
            notes.STRICT,
            notes.RECORDS,
            *notes.fewer_notes(scored),
            *_simple_notes(columns),
            *notes.mark_notes([panel], self.intervals, self.competitors),
            *_mcc_notes(panel, self.competitors),
            *notes.limit_notes(self.models, models),
            *notes.seed_notes({row.name: row.cells for row in panel.rows}, models, self.intervals),
            *notes.constant_notes(constants.values(), "=: "),
        ]
        if idle := [one for one in self.models if one not in cells]:
            below.append(f"Without answers, and therefore without a row: {', '.join(idle)}.")
        return self.table(name, [panel], [*below, inputs.study.data.note])

    def _head(self, task: str, inputs: Inputs, scored: Scored) -> HeaderCell:
        """The head of a task's column."""
        simple = inputs.scores.simple(task, self.setting)
        value = simple[1].strict if simple else None
        least = Simple(simple[0], value) if simple and value is not None else None
        head = notes.task_head(task, inputs.study.tasks[task].metric, scored)
        return replace(head, simple=least)

    def _rows(
        self, group: Rows, inputs: Inputs, cells: Mapping[str, Sequence[Cell]]
    ) -> Iterator[Row]:
        """The group's rows, in order; none of models without answers."""
        for name in group.published:
            yield self._published(inputs, name, name)
        for row in (one for one in (*group.baselines, *group.models) if one in cells):
            model, name = inputs.study.models.get(row), self.reproduces.get(row, row)
            kind: RowKind = "model" if model and not model.learned else "baseline"
            yield Row(row, kind, tuple(cells[row]))
            follows = group.followed_by_published
            if follows and inputs.published.has(self.published_table, name):
                yield self._published(inputs, name, _published_name(name))

    def _published(self, inputs: Inputs, published: str, name: str) -> Row:
        source, table = inputs.published, self.published_table
        cells = tuple(source.cell(table, published, task) for task in self.columns)
        marks = ("other_data",) * (not inputs.study.data.comparable)
        return Row(name, "published", cells, marks=(*marks, *["follows"] * (name != published)))


def _published_name(model: str) -> str:
    """Name of the published row that follows a model's own."""
    return f"{model} (published)"


def _simple_notes(columns: Sequence[HeaderCell]) -> list[str]:
    """Which row is the best simple baseline of each column."""
    chosen = notes.with_tasks((one.simple.name, one.text) for one in columns if one.simple)
    return [f"Best simple baseline, chosen without test records: {chosen}."] if chosen else []


def _mcc_notes(panel: Panel, rows: Collection[str]) -> Iterator[str]:
    """What some models know of yes and no, whatever their F1."""
    told = notes.in_tasks(
        (row.name, f"{head.text} {difference_text(cell.mcc)}")
        for row in panel.rows
        if row.kind == "model" and row.name in rows
        for head, cell in zip(panel.columns, row.cells, strict=True)
        if cell.mcc is not None
    )
    if told:
        yield (
            "Matthews' correlation of yes and no, which is 0 for constant answers whatever their "
            f"F1: {'; '.join(f'{name} {known}' for name, known in told.items())}."
        )


def with_marks(
    groups: Sequence[RowGroup], columns: Sequence[HeaderCell], competitors: Collection[str]
) -> tuple[RowGroup, ...]:
    """The groups with `best` and `second` marked among the competitors of each column, and
    `below_simple` where a score is worse than the best simple baseline of the column.

    Scores count as they are shown: those that look equal share the mark. Cells marked `doubled` and
    rows of other data are not compared with any, and no baseline with the simple ones. A column
    with one competing value has no best, with two no second best, and a score that looks like 0 is
    neither.
    """
    competing = [row for of in groups for row in of.rows if notes.competes(row, competitors)]
    ranks: list[dict[float | None, str]] = []
    for at in range(len(columns)):
        values = [one for row in competing if (one := _comparable(row, row.cells[at])) is not None]
        enough = (len(values) > 1) + (len(values) >= FEWEST_FOR_SECOND)
        ranked = zip(sorted(set(values), reverse=True), ("best", "second")[:enough], strict=False)
        ranks.append({value: mark for value, mark in ranked if value})

    def marks(row: Row, cell: Cell, at: int) -> Iterator[str]:
        yield from cell.marks
        value, simple = _comparable(row, cell), columns[at].simple
        if notes.competes(row, competitors) and value in ranks[at]:
            yield ranks[at][value]
        if value is not None and simple and row.kind != "baseline":
            yield from ["below_simple"] * (value < round(simple.value, notes.SHOWN_DIGITS))

    def marked(row: Row) -> Row:
        cells = (replace(one, marks=tuple(marks(row, one, at))) for at, one in enumerate(row.cells))
        return replace(row, cells=tuple(cells))

    return tuple(replace(group, rows=tuple(map(marked, group.rows))) for group in groups)


def _comparable(row: Row, cell: Cell) -> float | None:
    """A cell's value as it is shown; None if it is not comparable with others."""
    if {"other_data", "doubled"}.intersection((*row.marks, *cell.marks)):
        return None
    return None if cell.number is None else round(cell.number, notes.SHOWN_DIGITS)
