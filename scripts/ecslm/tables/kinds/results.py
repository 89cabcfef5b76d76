"""The results table of one setting: published, trivial, untuned and tuned rows side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from ecslm.schemas.settings import Closed
from ecslm.tables.kind import Kind
from ecslm.tables.marks import mark_best
from ecslm.tables.model import Cell, HeaderCell, Panel, Row, RowGroup, Table
from ecslm.tables.notes import JOINT, STRICT, data_note, limit_notes, mark_notes, mean_note
from ecslm.tables.published import STUDY, Published
from ecslm.tables.references import AnyModelName, BaselineName, ModelName, SettingName, TaskName
from ecslm.tables.requests import TableRequest, metric_files
from ecslm.tables.scores import Scores, strict_cell
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
        names = self.row_names()
        problems = [f"competitors: {name} is not a row" for name in set(self.competitors) - names]
        chosen = [name for group in self.rows for name in group.best_of]
        others = self._other_names()
        problems += [
            f"rows: best_of: {name} is also another row: rename it"
            for name in set(chosen)
            if name in others or chosen.count(name) > 1
        ]
        if self.published_table is None and self.needs_published():
            problems.append("published_table: needed, since rows name published results")
        if problems:
            raise ValueError("; ".join(sorted(problems)))
        return self

    def needs_published(self) -> bool:
        """Whether the table has published rows."""
        return any(group.published or group.followed_by_published for group in self.rows)

    def row_names(self) -> set[str]:
        """The names of all rows that the table can have."""
        return self._other_names() | {name for group in self.rows for name in group.best_of}

    def _other_names(self) -> set[str]:
        """The names of all rows but those that show the best of several models."""
        names: set[str] = set()
        for group in self.rows:
            names |= {*group.models, *group.baselines, *group.published}
            if group.followed_by_published:
                names |= {
                    _published_name(self.reproduces.get(model, model)) for model in group.models
                }
        return names


Request = TableRequest[ResultsEntry]


def _published_name(model: str) -> str:
    """Name of the published row that follows a model's own."""
    return f"{model} (published)"


def files(request: Request) -> list[str]:
    """Scores."""
    return metric_files(request.context, request.table.shows_intervals)


def problems(request: Request, resources: Mapping[str, Path]) -> list[str]:
    """Names of published rows that do not exist, and models that no row can be the best of."""
    path = resources["published"]
    published, table = Published(path), request.table.published_table
    found = [
        f"rows: {row} is not in table {table} of {path}"
        for group in request.table.rows
        for row in group.published
        if not published.has(str(table), row)
    ]
    models = request.context.models
    return found + [
        f"rows: best_of: the models of {name} have different numbers of seeds"
        for group in request.table.rows
        for name, members in group.best_of.items()
        if len({len(models[member].seeds) for member in members}) > 1
    ]


def build(name: str, request: Request, sources: Sources) -> Table:
    """The table from metrics files and published numbers."""
    entry = request.table
    columns = tuple(
        HeaderCell(
            key=task, text=task, detail=request.context.tasks[task].metric, lower_is_better=False
        )
        for task in entry.columns
    )
    rows = _RowBuilder(request, sources)
    built = [rows.group(group) for group in entry.rows]
    groups = mark_best([group for group in built if group.rows], columns, entry.competitors)
    panels = (Panel(title="", head="Model", columns=columns, groups=groups),)
    notes = [STRICT, *limit_notes(request.context.models), *mark_notes(panels)]
    notes += [*_seed_notes(panels, request), *rows.notes()]
    return Table(
        name=name,
        kind=entry.kind,
        caption=entry.caption,
        label=entry.label,
        panels=panels,
        notes=(*notes, data_note(request.data)),
    )


class _RowBuilder:
    def __init__(self, request: Request, sources: Sources) -> None:
        self._entry = entry = request.table
        self._comparable = request.data.comparable
        self._models = request.context.models
        self._scores = Scores(sources.results, request.context, entry.shows_intervals)
        self._published = (
            Published(sources.require("published")) if entry.needs_published() else None
        )
        self._without_published: list[str] = []
        self._chosen: list[str] = []
        self._without_answers: list[str] = []

    def group(self, group: Rows) -> RowGroup:
        """The group's rows, in order; models without answers have none."""
        rows = [self._published_row(name, name) for name in group.published]
        rows += [self._row(name, "baseline") for name in group.baselines]
        for model in self._answering(group.models):
            rows.append(self._row(model, "model"))
            if group.followed_by_published:
                rows += self._following(model)
        for name, models in group.best_of.items():
            if answering := self._answering(models):
                rows.append(self._best_of(name, answering))
        return RowGroup(group.group, tuple(rows))

    def notes(self) -> list[str]:
        """Which models were chosen, and models without published results or answers."""
        missing = {
            "No results were published for": self._without_published,
            "Without answers, and so without a row": self._without_answers,
        }
        listed = (f"{what}: {', '.join(names)}." for what, names in missing.items() if names)
        return [*self._chosen, *listed]

    def _answering(self, models: Sequence[str]) -> list[str]:
        """The models that answer any of the columns."""
        found = [name for name in models if self._models[name].tasks]
        self._without_answers += [
            name for name in models if name not in (*found, *self._without_answers)
        ]
        return found

    def _row(self, name: str, kind: str) -> Row:
        cells = tuple(self._cell(name, kind, task) for task in self._entry.columns)
        if kind == "model":
            return Row(name=name, kind="model", cells=cells)
        return Row(name=name, kind="baseline", cells=cells)

    def _cell(self, name: str, kind: str, task: str) -> Cell:
        read = self._scores.model if kind == "model" else self._scores.baseline
        return strict_cell(read(name, task, self._entry.setting), self._entry.shows_intervals)

    def _best_of(self, name: str, models: Sequence[str]) -> Row:
        """In each column the cell of the best model, of equal ones the first."""
        cells, chosen = [], []
        for task in self._entry.columns:
            candidates = {model: self._cell(model, "model", task) for model in models}
            sources = tuple(path for cell in candidates.values() for path in cell.sources)
            known = {
                model: cell.value
                for model, cell in candidates.items()
                if isinstance(cell.value, float)
            }
            best = max(known, key=lambda model: known[model]) if known else None
            # The choice was made from all of them.
            cells.append(
                replace(candidates[best], sources=sources) if best else Cell(sources=sources)
            )
            if best:
                chosen.append(f"{task} {best}")
        self._chosen.append(
            f"{CHOSEN_SIGN} {name}: in each column the best of {', '.join(models)}, chosen by the "
            "score shown, on the test records themselves: that flatters it, and its intervals do "
            f"not cover the choice. Chosen: {', '.join(chosen) or 'none'}."
        )
        return Row(name=name, kind="model", cells=tuple(cells), marks=("chosen",))

    def _following(self, model: str) -> list[Row]:
        published = self._entry.reproduces.get(model, model)
        assert self._published is not None and self._entry.published_table is not None
        if not self._published.has(self._entry.published_table, published):
            self._without_published.append(model)
            return []
        return [self._published_row(published, _published_name(published))]

    def _published_row(self, published: str, name: str) -> Row:
        assert self._published is not None and self._entry.published_table is not None
        cells = tuple(
            self._published.cell(self._entry.published_table, published, task)
            for task in self._entry.columns
        )
        marks = () if self._comparable else ("other_data",)
        return Row(name=name, kind="published", cells=cells, marks=marks)


def _seed_notes(panels: Sequence[Panel], request: Request) -> list[str]:
    """Notes on models with several seeds: cells are means, and how much seeds differ."""
    with_intervals = request.table.shows_intervals
    notes = []
    members = {
        name: models[0] for group in request.table.rows for name, models in group.best_of.items()
    }
    for panel in panels:
        for row in (row for group in panel.groups for row in group.rows):
            spreads = [
                f"{column.text} {cell.sd:.3f}"
                for column, cell in zip(panel.columns, row.cells, strict=True)
                if cell.sd is not None
            ]
            if spreads:
                seeds = len(request.context.models[members.get(row.name, row.name)].seeds)
                notes.append(f"{row.name}: {mean_note(seeds, spreads, with_intervals)}")
    if notes and with_intervals:
        notes.append(JOINT)
    return notes


KIND = Kind(
    entry=ResultsEntry,
    place=30,
    build=build,
    files=files,
    resources={"published": STUDY},
    problems=problems,
)
