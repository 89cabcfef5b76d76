"""The results table of one setting: published, trivial, untuned and tuned rows side by side."""

from collections.abc import Mapping, Sequence
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


class Rows(Closed):
    """A group of rows of a results table: models, trivial baselines, or published rows."""

    group: str = Field(description="Title above the rows.")
    models: tuple[ModelName, ...] = Field((), description="The study's models.")
    baselines: tuple[BaselineName, ...] = Field((), description="Trivial baselines.")
    published: tuple[str, ...] = Field((), description="Rows of the published results.")
    followed_by_published: bool = Field(
        False, description="Whether each model's row is followed by its published row."
    )

    @model_validator(mode="after")
    def _one_sort(self) -> "Rows":
        if sum(map(bool, (self.models, self.baselines, self.published))) != 1:
            raise ValueError("give exactly one of models, baselines and published")
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
    """Names of published rows that do not exist."""
    path = resources["published"]
    published, table = Published(path), request.table.published_table
    return [
        f"rows: {row} is not in table {table} of {path}"
        for group in request.table.rows
        for row in group.published
        if not published.has(str(table), row)
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
    groups = mark_best([rows.group(group) for group in entry.rows], columns, entry.competitors)
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
        self._scores = Scores(sources.results, request.context, entry.shows_intervals)
        self._published = (
            Published(sources.require("published")) if entry.needs_published() else None
        )
        self._without_published: list[str] = []

    def group(self, group: Rows) -> RowGroup:
        """The group's rows, in order."""
        rows = [self._published_row(name, name) for name in group.published]
        rows += [self._row(name, "baseline") for name in group.baselines]
        for model in group.models:
            rows.append(self._row(model, "model"))
            if group.followed_by_published:
                rows += self._following(model)
        return RowGroup(group.group, tuple(rows))

    def notes(self) -> list[str]:
        """Models without published results."""
        if not self._without_published:
            return []
        return [f"No results were published for: {', '.join(self._without_published)}."]

    def _row(self, name: str, kind: str) -> Row:
        cells = tuple(self._cell(name, kind, task) for task in self._entry.columns)
        if kind == "model":
            return Row(name=name, kind="model", cells=cells)
        return Row(name=name, kind="baseline", cells=cells)

    def _cell(self, name: str, kind: str, task: str) -> Cell:
        read = self._scores.model if kind == "model" else self._scores.baseline
        return strict_cell(read(name, task, self._entry.setting), self._entry.shows_intervals)

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
    for panel in panels:
        for row in (row for group in panel.groups for row in group.rows):
            spreads = [
                f"{column.text} {cell.sd:.3f}"
                for column, cell in zip(panel.columns, row.cells, strict=True)
                if cell.sd is not None
            ]
            if spreads:
                seeds = len(request.context.models[row.name].seeds)
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
