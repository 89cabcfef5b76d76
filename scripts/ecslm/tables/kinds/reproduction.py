"""The reproduction table: each published value with ours, and whether our interval contains it.

Where the published answers themselves are at hand, what they score stands beside them. Each
protocol has its column; the difference is that of the published value's own (`released`, or
`released_2024` where it was printed as twice a recall). The interval belongs to the strict value,
the only one that has one; a doubled value is on another scale, so it gets no verdict.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, model_validator

from ecslm.common.csv_rows import read_csv
from ecslm.schemas.paths import PUBLISHED_NOTES, PUBLISHED_SCORES
from ecslm.tables.kind import Kind
from ecslm.tables.model import (
    MISSING,
    Cell,
    HeaderCell,
    Interval,
    IntervalsPlace,
    Panel,
    Row,
    RowGroup,
    Table,
    count_cell,
    difference_text,
    number_cell,
    score_text,
)
from ecslm.tables.notes import JOINT, data_note, mark_notes
from ecslm.tables.published import Published
from ecslm.tables.references import AnyModelName, ModelName, SettingName, TaskName
from ecslm.tables.requests import TableRequest, metric_files
from ecslm.tables.scores import Measured, Scores, strict_cell
from ecslm.tables.settings import IntervalsEntry
from ecslm.tables.sources import Sources
from ecslm.tables.verdicts import position

PUBLISHED_COLUMNS = (
    HeaderCell("metric", "Metric", form="text"),
    HeaderCell("n", "n", form="count"),
    HeaderCell("published", "Published"),
)
OUR_COLUMNS = (
    HeaderCell("released", "Ours", "released"),
    HeaderCell("released_2024", "Ours", "released 2024"),
    HeaderCell("difference", "Difference", "from published"),
    HeaderCell("strict", "Ours", "strict"),
    HeaderCell("verdict", "Published is", "in our interval", form="text"),
)
RESCORED_COLUMNS = (
    HeaderCell("rescored", "Authors' answers", "released"),
    HeaderCell("rescored_2024", "Authors' answers", "released 2024"),
    HeaderCell("rescored difference", "Difference", "from published"),
)
OF_2024 = ("released_2024", "rescored_2024")


class ReproductionEntry(IntervalsEntry):
    """Published values next to ours, cell by cell."""

    kind: Literal["reproduction"]
    intervals: IntervalsPlace = Field(
        "beside", description="Where the intervals of our strict values stand in LaTeX, if at all."
    )
    settings: dict[SettingName, str] = Field(
        min_length=1, description="Published table of each setting, for example `IND`."
    )
    columns: tuple[TaskName, ...] = Field(min_length=1, description="Task codes, in order.")
    models: tuple[ModelName, ...] = Field((), description="Models, in order.")
    reproduces: dict[AnyModelName, str] = Field(
        {}, description="Published row of a model, where its name differs from the model's."
    )
    rescored: dict[ModelName, str] = Field(
        {},
        description="Models that are the authors' own answers: the published row of each.",
    )

    @model_validator(mode="after")
    def _with_rows(self) -> "ReproductionEntry":
        if not (self.models or self.rescored):
            raise ValueError("needs `models`, `rescored` or both")
        rows = list(self.rescored.values())
        if twice := next((row for row in rows if rows.count(row) > 1), None):
            raise ValueError(f"rescored: {twice} has two models")
        return self

    @property
    def rows(self) -> dict[str, "Compared"]:
        """What is compared with which published row, ours first."""
        rescored = {row: model for model, row in self.rescored.items()}
        found = {}
        for model in self.models:
            row = self.reproduces.get(model, model)
            found[model] = Compared(row, model, rescored.pop(row, None))
        return found | {model: Compared(row, None, model) for row, model in rescored.items()}


@dataclass(frozen=True)
class Compared:
    """A published row, with the model of ours that reproduces it and that of the authors' answers;
    either may be missing."""

    row: str
    ours: str | None
    rescored: str | None


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
        _group(request, entry, published, scores, name, compared, setting)
        for name, compared in entry.rows.items()
        for setting, table in entry.settings.items()
        if published.has(table, compared.row)
    ]
    without_published = [
        name
        for name, compared in entry.rows.items()
        if not any(published.has(table, compared.row) for table in entry.settings.values())
    ]
    columns = _columns(request)
    panels = (Panel(title="", head="Task", columns=columns, groups=tuple(groups)),)
    notes = [
        *_column_notes(request),
        *mark_notes(panels, with_intervals=entry.explains_intervals),
        *_seed_notes(entry, request),
    ]
    if not request.data.comparable:
        notes.append(
            "The published values were measured on other data, so there are no differences and no "
            "verdicts."
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


def _columns(request: Request) -> tuple[HeaderCell, ...]:
    entry = request.table
    columns = (
        *PUBLISHED_COLUMNS,
        *(OUR_COLUMNS if entry.models else ()),
        *(RESCORED_COLUMNS if entry.rescored else ()),
    )
    both = _with_2024(request)
    return tuple(column for column in columns if both or column.key not in OF_2024)


def _with_2024(request: Request) -> bool:
    """Whether the scorer of 2024 may differ from today's."""
    tasks = request.context.tasks
    return any(tasks[task].answer == "extraction" for task in request.table.columns)


def _column_notes(request: Request) -> Iterator[str]:
    entry = request.table
    released = (
        "n: our test records, from which the released scorers leave out yes/no answers and choices "
        "that they cannot read. Released: the score of the scorer that ECInstruct's authors publish"
    )
    if _with_2024(request):
        yield (
            f"{released}; released 2024: its score before its correction of September 2025, which "
            "differs only for extraction (AVE). Both count an extracted entry as often as the "
            "answer repeats it, so they may exceed 1. Difference from published: released 2024 "
            "minus the published value if that has a †, otherwise released minus published."
        )
    else:
        yield f"{released}. Difference from published: released minus published."
    if entry.models:
        yield (
            "Inside, outside: whether the published value, up to rounding, lies in the 95 % "
            "interval of our strict value."
        )
    if entry.rescored:
        yield ("Authors' answers: the scores here of the answers that the study's authors publish.")


def _seed_notes(entry: ReproductionEntry, request: Request) -> Iterator[str]:
    """Which models' values are means over seeds."""
    several = {
        model: len(request.context.models[model].seeds)
        for model in entry.models
        if len(request.context.models[model].seeds) > 1
    }
    yield from (f"{model}: mean over {seeds} seeds." for model, seeds in several.items())
    if several and entry.explains_intervals:
        yield JOINT


def _group(
    request: Request,
    entry: ReproductionEntry,
    published: Published,
    scores: Scores,
    name: str,
    compared: Compared,
    setting: str,
) -> RowGroup:
    """A row for each task that was published or measured in the setting."""
    rows = []
    for task in entry.columns:
        cell = published.cell(entry.settings[setting], compared.row, task)
        ours, rescored = (
            None if model is None else scores.model(model, task, setting)
            for model in (compared.ours, compared.rescored)
        )
        if cell.value is not None or ours is not None or rescored is not None:
            metric = request.context.tasks[task].metric
            cells = [Cell(value=metric, shown=metric), _records_cell(ours or rescored), cell]
            comparable, both = request.data.comparable, _with_2024(request)
            if entry.models:
                rounding = published.rounding(entry.settings[setting], task)
                cells += _our_cells(cell, ours, comparable, both, rounding)
            if entry.rescored:
                cells += _released_cells(cell, rescored, comparable, both)
            rows.append(Row(name=task, kind="model", cells=tuple(cells)))
    title = request.context.setting_title(setting)
    return RowGroup(f"{name} and the published {compared.row}, {title}", tuple(rows))


def _records_cell(measured: Measured | None) -> Cell:
    return Cell() if measured is None else count_cell(measured.records, measured.sources)


def _our_cells(
    published: Cell, measured: Measured | None, comparable: bool, both: bool, rounding: float
) -> tuple[Cell, ...]:
    doubled = "doubled" in published.marks
    strict = strict_cell(measured)
    interval = strict.interval if comparable and not doubled else None
    return (
        *_released_cells(published, measured, comparable, both),
        strict,
        _verdict_cell(published, interval, rounding),
    )


def _released_cells(
    published: Cell, measured: Measured | None, comparable: bool, both: bool
) -> tuple[Cell, ...]:
    """The values under one released protocol or both, and the difference of the published value's
    own from it."""
    if measured is None:
        return (Cell(),) * (3 if both else 2)
    doubled = "doubled" in published.marks
    released, released_2024 = measured.value("released"), measured.value("released_2024")
    same_protocol = released_2024 if doubled else released
    of_2024 = doubled and released_2024 is not None
    return (
        _released_cell(released, measured),
        *((_released_cell(released_2024, measured, of_2024),) if both else ()),
        _difference_cell(same_protocol if comparable else None, published, measured),
    )


def _released_cell(value: float | None, measured: Measured, doubled: bool = False) -> Cell:
    return Cell(
        value=value,
        shown=MISSING if value is None else score_text(value),
        marks=("doubled",) if doubled else (),
        sources=measured.sources,
    )


def _difference_cell(released: float | None, published: Cell, measured: Measured) -> Cell:
    if released is None or not isinstance(published.value, float):
        return Cell()
    difference = released - published.value
    sources = (*measured.sources, *published.sources)
    return number_cell(difference, difference_text(difference), sources)


def _verdict_cell(published: Cell, interval: Interval | None, rounding: float) -> Cell:
    if interval is None or not isinstance(published.value, float):
        return Cell()
    inside = position(interval, published.value, rounding) == "contains"
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
    resources={"published": PUBLISHED_SCORES, "notes": PUBLISHED_NOTES},
)
