"""The results table of one setting: published rows, baselines, untuned and tuned models."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from ecslm.schemas.paths import PUBLISHED_SCORES
from ecslm.schemas.settings import Closed
from ecslm.tables import notes
from ecslm.tables.inputs import TASKS, Inputs, ScoresEntry
from ecslm.tables.model import (
    Cell,
    HeaderCell,
    Panel,
    Row,
    RowGroup,
    RowKind,
    Simple,
    Table,
    best,
    difference_text,
)
from ecslm.tables.references import BaselineName, ModelName, SettingName, TaskName

# Marks the rows that show the best of several models, as the template does.
CHOSEN_SIGN = "\N{SECTION SIGN}"
# With two competitors, every cell would be best or second best.
FEWEST_FOR_SECOND = 3


class Rows(Closed):
    """A group of rows of a results table, of one sort."""

    group: str
    """Title above the rows."""
    models: tuple[ModelName, ...] = ()
    """The study's models."""
    baselines: tuple[BaselineName, ...] = ()
    """Trivial baselines."""
    published: tuple[str, ...] = ()
    """Rows of the published results."""
    best_of: dict[str, tuple[ModelName, ...]] = {}
    """Rows by name, each with the models of which it shows the best in each column, by the score
    that is shown; marked as such."""
    followed_by_published: bool = False
    """Whether each model's row is followed by its published row."""

    @model_validator(mode="after")
    def _one_sort(self) -> "Rows":
        if sum(map(bool, (self.models, self.baselines, self.published, self.best_of))) != 1:
            raise ValueError("give exactly one of models, baselines, published and best_of")
        return self


class ResultsEntry(ScoresEntry):
    """Scores of one setting, with a row for each model, baseline and published result."""

    READS: ClassVar = ("scores",)
    RESOURCES: ClassVar = {"published": PUBLISHED_SCORES}

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
        groups = self.rows
        rows = {name for one in groups for name in (*one.models, *one.baselines, *one.published)}
        following = {model for one in groups if one.followed_by_published for model in one.models}
        rows |= {_published_name(self.reproduces.get(model, model)) for model in following}
        if unknown := sorted({*self.competitors}.difference(rows, self.best_of)):
            raise ValueError(f"competitors: {unknown[0]} is not a row")
        if same := sorted(rows.intersection(self.best_of)):
            raise ValueError(f"rows: best_of: {same[0]} is also another row: rename it")
        if self.published_table is None and (following or any(one.published for one in groups)):
            raise ValueError("published_table: needed, since rows name published results")
        return self

    @property
    def best_of(self) -> dict[str, tuple[str, ...]]:
        """The models of each row that shows the best of several."""
        return {name: models for one in self.rows for name, models in one.best_of.items()}

    @property
    def models(self) -> tuple[str, ...]:
        """The models of all rows, in order."""
        named = (names for group in self.rows for names in (group.models, *group.best_of.values()))
        return tuple(dict.fromkeys(model for names in named for model in names))

    def problems(self, inputs: Inputs) -> Iterator[str]:
        """Names of published rows that do not exist, and models that no row can be the best of."""
        published, models = inputs.published, inputs.study.models
        for group in self.rows:
            for row in group.published:
                if not published.has(self.published_table, row):
                    yield f"rows: {row} is not in table {self.published_table} of {published.path}"
            for name, members in group.best_of.items():
                if len({len(models[member].seeds) for member in members}) > 1:
                    yield f"rows: best_of: the models of {name} have different numbers of seeds"

    def build(self, name: str, inputs: Inputs) -> Table:
        """The table from metrics files and published numbers."""
        study, rows = inputs.study, _Rows(self, inputs)
        groups = [RowGroup(group.group, tuple(rows.of(group))) for group in self.rows]
        columns = tuple(map(rows.head, self.columns))
        marked = with_marks([one for one in groups if one.rows], columns, self.competitors)
        panel = Panel("", "Model", columns, marked)
        below = [
            notes.STRICT,
            *([notes.RECORDS] if any(one.records is not None for one in columns) else []),
            *notes.fewer_notes(columns),
            *_simple_notes(columns),
            *notes.mark_notes([panel], self.intervals, self.competitors),
            *_mcc_notes(panel, self.competitors),
            *notes.limit_notes(self.models, study.models),
            *notes.seed_notes({row.name: row.cells for row in panel.rows}, rows.seeds, self),
            *notes.constant_notes(rows.constants, "=: "),
            *rows.choices,
        ]
        if rows.unpublished:
            below.append(f"No results were published for: {', '.join(rows.unpublished)}.")
        if idle := [one for one in self.models if one not in rows.answering]:
            below.append(f"Without answers, and therefore without a row: {', '.join(idle)}.")
        return self.table(name, [panel], [*below, study.data.note])


class _Rows:
    """Builds rows, and keeps what heads and notes tell of them.

    Attributes:
        answering: models with answers, which alone have rows.
        scored: what was measured, by row and task.
        choices: how rows of the best were chosen.
        unpublished: models without published results.
    """

    def __init__(self, entry: ResultsEntry, inputs: Inputs) -> None:
        self._entry, self._inputs, self._study = entry, inputs, inputs.study
        self.choices: list[str] = []
        self.unpublished: list[str] = []
        tasks, models = {*entry.columns}, self._study.models
        self.answering = [one for one in entry.models if not tasks.isdisjoint(models[one].tasks)]
        baselines = [name for group in entry.rows for name in group.baselines]
        self.scored = {
            (row, task): one
            for row in (*baselines, *self.answering)
            for task in entry.columns
            if (one := inputs.scores.of(row, task, entry.setting))
        }

    @property
    def constants(self) -> list[str]:
        """The scores of models that nearly always give the same answer, in words."""
        scored = [(*key, one.constant) for key, one in self.scored.items() if one.constant]
        return [f"{task}, {row}: {told}" for row, task, told in scored if row in self.answering]

    @property
    def seeds(self) -> dict[str, int]:
        """The number of seeds of each row; those of which it shows the best have the same."""
        found = {row: one.seeds for (row, _), one in self.scored.items()}
        chosen = ((row, one) for row, of in self._entry.best_of.items() for one in of)
        return found | {row: found[one] for row, one in chosen if one in found}

    def head(self, task: str) -> HeaderCell:
        """The head of a task's column."""
        simple = self._inputs.scores.simple(task, self._entry.setting)
        value = simple[1].strict if simple else None
        least = Simple(simple[0], value) if simple and value is not None else None
        measured = {row: one for (row, of), one in self.scored.items() if of == task}
        return notes.task_head(task, self._study.tasks[task].metric, measured, least)

    def of(self, group: Rows) -> Iterator[Row]:
        """The group's rows, in order."""
        entry = self._entry
        yield from (self._published(name, name) for name in group.published)
        for row in (*group.baselines, *(one for one in group.models if one in self.answering)):
            model, name = self._study.models.get(row), entry.reproduces.get(row, row)
            kind: RowKind = "model" if model and not model.learned else "baseline"
            yield Row(row, kind, tuple(self._cell(row, task) for task in entry.columns))
            if not group.followed_by_published:
                continue
            if self._inputs.published.has(entry.published_table, name):
                yield self._published(name, _published_name(name))
            else:
                self.unpublished.append(row)
        for row, members in group.best_of.items():
            if models := [one for one in members if one in self.answering]:
                yield self._best_of(row, models)

    def _cell(self, row: str, task: str) -> Cell:
        """A cell; of a model that nearly always gives the same answer, marked."""
        one = self.scored.get((row, task))
        is_constant = one and one.constant and row in self.answering
        cell = self._entry.headline(one)
        return replace(cell, marks=("constant",)) if is_constant else cell

    def _best_of(self, row: str, models: Sequence[str]) -> Row:
        """The cell of the best model in each column; of equal ones the first."""
        cells, chosen = [], []
        for task in self._entry.columns:
            candidates = {model: self._cell(model, task) for model in models}
            found = best(candidates)
            # The choice was made from all of them.
            sources = tuple(path for cell in candidates.values() for path in cell.sources)
            cells.append(replace(candidates.get(found or "", Cell()), sources=sources))
            chosen += [f"{task} {found}"] if found else []
        self.choices.append(
            f"{CHOSEN_SIGN} {row}: in each column the best of {', '.join(models)}, chosen by the "
            "score shown, on the test records themselves: this favours it, and its intervals do "
            f"not cover the choice. Chosen: {', '.join(chosen) or 'none'}."
        )
        return Row(row, "model", tuple(cells), marks=("chosen",))

    def _published(self, published: str, name: str) -> Row:
        entry, source = self._entry, self._inputs.published
        cells = (source.cell(entry.published_table, published, task) for task in entry.columns)
        marks: tuple[str, ...] = () if self._study.data.comparable else ("other_data",)
        marks += ("follows",) if name != published else ()
        return Row(name, "published", tuple(cells), marks=marks)


def _published_name(model: str) -> str:
    """Name of the published row that follows a model's own."""
    return f"{model} (published)"


def _simple_notes(columns: Sequence[HeaderCell]) -> list[str]:
    """Which row is the best simple baseline of each column."""
    found = notes.in_tasks((one.simple.name, one.text) for one in columns if one.simple)
    chosen = "; ".join(f"{name} ({tasks})" for name, tasks in found.items())
    return [f"Best simple baseline, chosen without test records: {chosen}."] if found else []


def _mcc_notes(panel: Panel, rows: Collection[str]) -> Iterator[str]:
    """What some rows know of yes and no, whatever their F1."""
    cells = {row.name: row.cells for row in panel.rows if row.kind == "model"}
    columns = [
        (at, head.text)
        for at, head in enumerate(panel.columns)
        if any(row.cells[at].mcc is not None for row in panel.rows)
    ]
    known = [
        f"{name} {', '.join(difference_text(one[at].mcc) for at, _ in columns)}"
        for name, one in cells.items()
        if name in rows
    ]
    if columns and known:
        yield (
            f"Matthews' correlation of yes and no ({', '.join(task for _, task in columns)}), "
            f"which is 0 for constant answers whatever their F1: {'; '.join(known)}."
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
