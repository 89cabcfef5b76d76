"""The results table of one setting: published rows, baselines, untuned and tuned models."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from ecslm.schemas.paths import PUBLISHED_SCORES
from ecslm.schemas.settings import Closed
from ecslm.tables.kind import Kind, TableRequest
from ecslm.tables.marks import mark_below_simple, mark_best
from ecslm.tables.model import Cell, HeaderCell, Panel, Row, RowGroup, RowKind, Simple, Table
from ecslm.tables.notes import (
    STRICT,
    constant_notes,
    data_note,
    fewer_notes,
    limit_notes,
    mark_notes,
    mcc_notes,
    record_notes,
    seed_notes,
    simple_notes,
)
from ecslm.tables.published import Published
from ecslm.tables.references import AnyModelName, BaselineName, ModelName, SettingName, TaskName
from ecslm.tables.scores import Scores, counted, metric_files, strict_cell
from ecslm.tables.settings import ScoresEntry
from ecslm.tables.sources import Sources

# Marks the rows that show the best of several models, as the template does.
CHOSEN_SIGN = "\N{SECTION SIGN}"


class Rows(Closed):
    """A group of rows of a results table, of one sort."""

    group: str = Field(description="Title above the rows.")
    models: tuple[ModelName, ...] = Field((), description="The study's models.")
    baselines: tuple[BaselineName, ...] = Field((), description="Trivial baselines.")
    published: tuple[str, ...] = Field((), description="Rows of the published results.")
    best_of: dict[str, tuple[ModelName, ...]] = Field(
        {},
        description="Rows by name, each with the models of which it shows the best in each column, "
        "by the score that is shown; marked as such.",
    )
    followed_by_published: bool = Field(
        False, description="Whether each model's row is followed by its published row."
    )

    @model_validator(mode="after")
    def _one_sort(self) -> "Rows":
        if sum(map(bool, (self.models, self.baselines, self.published, self.best_of))) != 1:
            raise ValueError("give exactly one of models, baselines, published and best_of")
        if few := [name for name, models in self.best_of.items() if len(set(models)) < 2]:
            raise ValueError(f"best_of: {few[0]} needs two models or more")
        if self.followed_by_published and not self.models:
            raise ValueError("followed_by_published needs models")
        return self


class ResultsEntry(ScoresEntry):
    """Scores of one setting, with a row for each model, baseline and published result."""

    JUDGES = True

    kind: Literal["results"]
    setting: SettingName = Field(description="Evaluation setting.")
    published_table: str | None = Field(
        None, description="Which published table the published rows come from, for example `IND`."
    )
    columns: tuple[TaskName, ...] = Field(min_length=1, description="Task codes, in order.")
    rows: tuple[Rows, ...] = Field(min_length=1, description="Groups of rows, in order.")
    competitors: tuple[str, ...] = Field(
        (), description="Rows among which the best and the second of a column are marked."
    )
    reproduces: dict[AnyModelName, str] = Field(
        {}, description="Published row of a model, where its name differs from the model's."
    )

    @model_validator(mode="after")
    def _names(self) -> "ResultsEntry":
        chosen = [name for group in self.rows for name in group.best_of]
        rows = [
            name
            for group in self.rows
            for name in (*group.models, *group.baselines, *group.published)
        ]
        followed = [
            _published_name(self.reproduces.get(model, model))
            for group in self.rows
            if group.followed_by_published
            for model in group.models
        ]
        others = {*rows, *followed}
        problems = [
            f"competitors: {name} is not a row"
            for name in {*self.competitors}.difference(others, chosen)
        ]
        problems += [
            f"rows: best_of: {name} is also another row: rename it"
            for name in {*others.intersection(chosen), *_twice(chosen)}
        ]
        # Twice the same would compete with itself, or be taken for another.
        problems += [f"rows: {name} is listed twice" for name in _twice(rows)]
        problems += [f"columns: {name} is listed twice" for name in _twice(self.columns)]
        if self.published_table is None and self.needs_published():
            problems.append("published_table: needed, since rows name published results")
        if problems:
            raise ValueError("; ".join(sorted(problems)))
        return self

    def needs_published(self) -> bool:
        """Whether the table has published rows."""
        return any(group.published or group.followed_by_published for group in self.rows)


Request = TableRequest[ResultsEntry]


def _published_name(model: str) -> str:
    """Name of the published row that follows a model's own."""
    return f"{model} (published)"


def _twice(names: Sequence[str]) -> set[str]:
    return {name for name in names if names.count(name) > 1}


def problems(request: Request, resources: Mapping[str, Path]) -> Iterator[str]:
    """Names of published rows that do not exist, and models that no row can be the best of."""
    path, models = resources["published"], request.context.models
    published, table = Published(path), request.table.published_table
    for group in request.table.rows:
        for row in group.published:
            if not published.has(str(table), row):
                yield f"rows: {row} is not in table {table} of {path}"
        for name, members in group.best_of.items():
            if len({len(models[member].seeds) for member in members}) > 1:
                yield f"rows: best_of: the models of {name} have different numbers of seeds"


def build(name: str, request: Request, sources: Sources) -> Table:
    """The table from metrics files and published numbers."""
    entry = request.table
    rows = _RowBuilder(request, sources)
    built = [rows.group(group) for group in entry.rows]
    columns = tuple(rows.head(task) for task in entry.columns)
    groups = mark_best([group for group in built if group.rows], columns, entry.competitors)
    groups = mark_below_simple(groups, columns)
    panels = (Panel(title="", head="Model", columns=columns, groups=groups),)
    notes = [
        STRICT,
        *record_notes(panels),
        *fewer_notes(columns),
        *simple_notes(columns),
        *mark_notes(panels, entry.competitors, entry.explains_intervals),
        *mcc_notes(panels, entry.competitors),
        *limit_notes(request.context.models),
        *seed_notes(groups, rows.seeds, entry),
        *rows.notes(),
        data_note(request.data),
    ]
    return entry.table(name, panels, notes)


class _RowBuilder:
    """Builds rows, and keeps what heads and notes tell of them.

    `seeds` are the numbers of seeds of the rows that are means over them.
    """

    def __init__(self, request: Request, sources: Sources) -> None:
        self._entry = entry = request.table
        self._comparable = request.data.comparable
        self._models, self._tasks = request.context.models, request.context.tasks
        self._scores = Scores(sources.results, request.context, entry.shows_intervals)
        self._published = (
            Published(sources.require("published")) if entry.needs_published() else None
        )
        self._without_published: list[str] = []
        self._chosen: list[str] = []
        self._without_answers: dict[str, None] = {}
        self._constants: list[str] = []
        self._records: dict[str, dict[str, int]] = {}
        self.seeds: dict[str, int] = {}

    def group(self, group: Rows) -> RowGroup:
        """The group's rows, in order; models without answers have none."""
        rows = [self._published_row(name, name) for name in group.published]
        rows += [self._row(name, "baseline") for name in group.baselines]
        for model in self._answering(group.models):
            rows.append(self._row(model, "baseline" if self._models[model].learned else "model"))
            if group.followed_by_published:
                rows += self._following(model)
        for name, models in group.best_of.items():
            if answering := self._answering(models):
                rows.append(self._best_of(name, answering))
        return RowGroup(group.group, tuple(rows))

    def head(self, task: str) -> HeaderCell:
        """The head of a task's column, after all rows were built: it tells their records."""
        records, fewer = counted(self._records.get(task, {}))
        simple = self._scores.simple(task, self._entry.setting)
        value = simple[1].value("strict") if simple else None
        return HeaderCell(
            key=task,
            text=task,
            detail=self._tasks[task].metric,
            lower_is_better=False,
            records=records,
            fewer=fewer,
            simple=Simple(simple[0], value) if simple and value is not None else None,
        )

    def notes(self) -> Iterator[str]:
        """Whose scores are those of constants, which models were chosen, and which lack results or
        answers."""
        yield from constant_notes(self._constants, "=: ")
        yield from self._chosen
        if self._without_published:
            yield f"No results were published for: {', '.join(self._without_published)}."
        if self._without_answers:
            names = ", ".join(self._without_answers)
            yield f"Without answers, and therefore without a row: {names}."

    def _answering(self, models: Sequence[str]) -> list[str]:
        """The models that answer any of the columns."""
        self._without_answers |= {name: None for name in models if not self._models[name].tasks}
        return [name for name in models if self._models[name].tasks]

    def _row(self, name: str, kind: RowKind) -> Row:
        cells = tuple(self._cell(name, task) for task in self._entry.columns)
        if any(cell.sd is not None for cell in cells):
            self.seeds[name] = len(self._models[name].seeds)
        return Row(name=name, kind=kind, cells=cells)

    def _cell(self, name: str, task: str) -> Cell:
        """A cell; of a model that nearly always gives the same answer, marked."""
        is_model = name in self._models
        read = self._scores.model if is_model else self._scores.baseline
        measured = read(name, task, self._entry.setting)
        cell = strict_cell(measured, self._entry.shows_intervals)
        if measured is None:
            return cell
        self._records.setdefault(task, {})[name] = measured.records
        if not is_model or (constant := measured.constant()) is None:
            return cell
        self._constants.append(f"{task}, {name}: {constant}")
        return replace(cell, marks=(*cell.marks, "constant"))

    def _best_of(self, name: str, models: Sequence[str]) -> Row:
        """The cell of the best model in each column; of equal ones the first."""
        cells, chosen = [], []
        for task in self._entry.columns:
            candidates = {model: self._cell(model, task) for model in models}
            # The choice was made from all of them.
            sources = tuple(path for cell in candidates.values() for path in cell.sources)
            known = {
                model: cell.value
                for model, cell in candidates.items()
                if isinstance(cell.value, float)
            }
            best = max(known, key=known.__getitem__, default=None)
            cells.append(replace(candidates[best] if best else Cell(), sources=sources))
            chosen += [f"{task} {best}"] if best else []
        if any(cell.sd is not None for cell in cells):
            self.seeds[name] = len(self._models[models[0]].seeds)
        self._chosen.append(
            f"{CHOSEN_SIGN} {name}: in each column the best of {', '.join(models)}, chosen by the "
            "score shown, on the test records themselves: this favours it, and its intervals do "
            f"not cover the choice. Chosen: {', '.join(chosen) or 'none'}."
        )
        return Row(name=name, kind="model", cells=tuple(cells), marks=("chosen",))

    def _following(self, model: str) -> Iterator[Row]:
        published = self._entry.reproduces.get(model, model)
        assert self._published is not None
        if self._published.has(str(self._entry.published_table), published):
            yield self._published_row(published, _published_name(published))
        else:
            self._without_published.append(model)

    def _published_row(self, published: str, name: str) -> Row:
        assert self._published is not None
        table = str(self._entry.published_table)
        cells = tuple(self._published.cell(table, published, task) for task in self._entry.columns)
        marks = {"other_data": not self._comparable, "follows": name != published}
        given = tuple(mark for mark, is_given in marks.items() if is_given)
        return Row(name=name, kind="published", cells=cells, marks=given)


KIND = Kind(
    entry=ResultsEntry,
    build=build,
    files=lambda request: metric_files(request.context, request.table.shows_intervals),
    resources={"published": PUBLISHED_SCORES},
    problems=problems,
)
