"""The results table of one setting: published, trivial, untuned and tuned rows side by side."""

from ecslm.tables.marks import mark_best
from ecslm.tables.model import Cell, HeaderCell, Panel, Row, RowGroup, Table
from ecslm.tables.notes import STRICT, data_note, mark_notes, seed_notes
from ecslm.tables.published import Published
from ecslm.tables.requests import TableRequest, shows_intervals
from ecslm.tables.scores import Scores, strict_cell
from ecslm.tables.settings import ResultsEntry, Rows, published_name
from ecslm.tables.sources import Sources


def build(name: str, request: TableRequest, sources: Sources) -> Table:
    """The table from metrics files and published numbers."""
    entry = request.table
    assert isinstance(entry, ResultsEntry)
    columns = tuple(
        HeaderCell(
            key=task, text=task, detail=request.context.tasks[task].metric, lower_is_better=False
        )
        for task in entry.columns
    )
    rows = _RowBuilder(request, entry, sources)
    groups = mark_best([rows.group(group) for group in entry.rows], columns, entry.competitors)
    panels = (Panel(title="", head="Model", columns=columns, groups=groups),)
    notes = [STRICT, *mark_notes(panels), *seed_notes(panels, request), *rows.notes()]
    return Table(
        name=name,
        kind=entry.kind,
        caption=entry.caption,
        label=entry.label,
        panels=panels,
        notes=(*notes, data_note(request.data)),
    )


class _RowBuilder:
    def __init__(self, request: TableRequest, entry: ResultsEntry, sources: Sources) -> None:
        self._entry = entry
        self._comparable = request.data.comparable
        self._with_interval = shows_intervals(request)
        self._scores = Scores(sources.results, request)
        self._published = (
            Published(sources.require_published()) if entry.needs_published() else None
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
        """Which models the published results lack."""
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
        return strict_cell(read(name, task, self._entry.setting), self._with_interval)

    def _following(self, model: str) -> list[Row]:
        published = self._entry.reproduces.get(model, model)
        assert self._published is not None and self._entry.published_table is not None
        if not self._published.has(self._entry.published_table, published):
            self._without_published.append(model)
            return []
        return [self._published_row(published, published_name(published))]

    def _published_row(self, published: str, name: str) -> Row:
        assert self._published is not None and self._entry.published_table is not None
        cells = tuple(
            self._published.cell(self._entry.published_table, published, task)
            for task in self._entry.columns
        )
        marks = () if self._comparable else ("other_data",)
        return Row(name=name, kind="published", cells=cells, marks=marks)
