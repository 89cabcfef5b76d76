"""The reproduction table: each published value with ours, and whether our interval contains it.

Values are compared under the protocol of the published ones (`released`, or `released_2024` where
they were printed as twice a recall). The interval belongs to the strict value, the only one that
has an interval; a doubled value is on another scale, so it gets no verdict.
"""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from ecslm.common.csv_rows import read_csv
from ecslm.schemas.paths import PUBLISHED
from ecslm.tables.kind import Kind
from ecslm.tables.model import (
    MISSING,
    Cell,
    HeaderCell,
    Interval,
    Panel,
    Row,
    RowGroup,
    Table,
    difference_text,
    number_cell,
    score_text,
)
from ecslm.tables.notes import JOINT, data_note, mark_notes
from ecslm.tables.published import STUDY, Published
from ecslm.tables.references import AnyModelName, ModelName, SettingName, TaskName
from ecslm.tables.requests import TableRequest, metric_files
from ecslm.tables.scores import Measured, Scores, strict_cell
from ecslm.tables.settings import Entry
from ecslm.tables.sources import Sources

ROUNDING = 0.0005

COLUMNS = (
    HeaderCell("metric", "Metric", form="text"),
    HeaderCell("published", "Published"),
    HeaderCell("released", "Ours", "released"),
    HeaderCell("difference", "Difference", "ours - published"),
    HeaderCell("strict", "Ours", "strict"),
    HeaderCell("interval", "95 % interval", "strict", form="text"),
    HeaderCell("verdict", "Published is", "in our interval", form="text"),
)


class ReproductionEntry(Entry):
    """Published values next to ours, cell by cell."""

    kind: Literal["reproduction"]
    settings: dict[SettingName, str] = Field(
        min_length=1, description="Published table of each setting, for example `IND`."
    )
    columns: tuple[TaskName, ...] = Field(min_length=1, description="Task codes, in order.")
    models: tuple[ModelName, ...] = Field(min_length=1, description="Models, in order.")
    reproduces: dict[AnyModelName, str] = Field(
        {}, description="Published row of a model, where its name differs from the model's."
    )


Request = TableRequest[ReproductionEntry]


def files(request: Request) -> list[str]:
    """Scores, with the intervals of means over seeds."""
    return metric_files(request.context, with_intervals=True)


def build(name: str, request: Request, sources: Sources) -> Table:
    """The table from metrics files and published numbers: a group for each model and setting."""
    entry = request.table
    published = Published(sources.require("published"))
    scores = Scores(sources.results, request.context, with_intervals=True)
    groups = [
        _group(request, entry, published, scores, model, setting)
        for model in entry.models
        for setting, table in entry.settings.items()
        if published.has(table, entry.reproduces.get(model, model))
    ]
    without_published = [
        model
        for model in entry.models
        if not any(
            published.has(table, entry.reproduces.get(model, model))
            for table in entry.settings.values()
        )
    ]
    panels = (Panel(title="", head="Task", columns=COLUMNS, groups=tuple(groups)),)
    notes = [
        "Inside, outside: whether the published value, give or take its rounding, lies in the "
        "95 % interval of our strict value.",
        *mark_notes(panels),
        *_seed_notes(entry, request),
    ]
    if not request.data.comparable:
        notes.append(
            "The published values were measured on other data: neither a difference nor a verdict "
            "is given."
        )
    if without_published:
        notes.append(f"No results were published for: {', '.join(without_published)}.")
    return Table(
        name=name,
        kind=entry.kind,
        caption=entry.caption,
        label=entry.label,
        panels=panels,
        notes=(*notes, *_published_notes(sources), data_note(request.data)),
    )


def _seed_notes(entry: ReproductionEntry, request: Request) -> Iterator[str]:
    """Which models' values are means over seeds."""
    several = {
        model: len(request.context.models[model].seeds)
        for model in entry.models
        if len(request.context.models[model].seeds) > 1
    }
    yield from (f"{model}: mean over {seeds} seeds." for model, seeds in several.items())
    if several:
        yield JOINT


def _group(
    request: Request,
    entry: ReproductionEntry,
    published: Published,
    scores: Scores,
    model: str,
    setting: str,
) -> RowGroup:
    """A row for each task that was published or measured in the setting."""
    rows = []
    for task in entry.columns:
        cell = published.cell(entry.settings[setting], entry.reproduces.get(model, model), task)
        measured = scores.model(model, task, setting)
        if cell.value is not None or measured is not None:
            metric = request.context.tasks[task].metric
            rows.append(_row(task, metric, cell, measured, request.data.comparable))
    return RowGroup(f"{model}, {setting}", tuple(rows))


def _row(
    task: str, metric: str, published: Cell, measured: Measured | None, comparable: bool
) -> Row:
    doubled = "doubled" in published.marks
    released = measured.value("released_2024" if doubled else "released") if measured else None
    strict = strict_cell(measured)
    cells = (
        Cell(value=metric, shown=metric),
        published,
        _released_cell(released, doubled, measured),
        _difference_cell(released if comparable else None, published, measured),
        Cell(value=strict.value, shown=strict.shown, sd=strict.sd, sources=strict.sources),
        _interval_cell(strict),
        _verdict_cell(published, strict.interval if comparable and not doubled else None),
    )
    return Row(name=task, kind="model", cells=cells)


def _released_cell(value: float | None, doubled: bool, measured: Measured | None) -> Cell:
    return Cell(
        value=value,
        shown=MISSING if value is None else score_text(value),
        marks=("doubled",) if doubled and value is not None else (),
        sources=measured.sources if measured else (),
    )


def _difference_cell(released: float | None, published: Cell, measured: Measured | None) -> Cell:
    if released is None or not isinstance(published.value, float):
        return Cell()
    difference = released - published.value
    sources = (*(measured.sources if measured else ()), *published.sources)
    return number_cell(difference, difference_text(difference), sources)


def _interval_cell(strict: Cell) -> Cell:
    if strict.interval is None:
        return Cell()
    low, high = score_text(strict.interval.low), score_text(strict.interval.high)
    mark = "" if strict.interval.reliable else "*"
    return Cell(
        value=f"[{low}, {high}]",
        shown=f"[{low}, {high}]{mark}",
        interval=strict.interval,
        sources=strict.sources,
    )


def _verdict_cell(published: Cell, interval: Interval | None) -> Cell:
    if interval is None or not isinstance(published.value, float):
        return Cell()
    inside = interval.low - ROUNDING <= published.value <= interval.high + ROUNDING
    verdict = "inside" if inside else "outside"
    return Cell(value=verdict, shown=verdict, sources=published.sources)


def _published_notes(sources: Sources) -> list[str]:
    path = sources.resources.get("notes")
    return [] if path is None else [row["note"] for row in read_csv(path, ("note",))]


KIND = Kind(
    entry=ReproductionEntry,
    place=70,
    build=build,
    files=files,
    resources={"published": STUDY, "notes": PUBLISHED / "notes.csv"},
)
