"""The reproduction table: each published value with ours, and whether our interval contains it.

Where the published answers themselves are at hand, what they score stands beside them. Each
protocol has its column; the difference is that of the published value's own (`released`, or
`released_2024` where it was printed as twice a recall). The interval belongs to the strict value,
the only one that has one; a doubled value is on another scale, so it gets no verdict.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, model_validator

from ecslm.common.csv_rows import read_csv
from ecslm.schemas.paths import PUBLISHED_NOTES, PUBLISHED_SCORES
from ecslm.tables.kind import Kind, TableRequest
from ecslm.tables.model import (
    Cell,
    HeaderCell,
    IntervalsPlace,
    Panel,
    Row,
    RowGroup,
    Table,
    count_cell,
    difference_text,
    number_cell,
    score_text,
    text_cell,
)
from ecslm.tables.notes import JOINT, data_note, mark_notes
from ecslm.tables.published import Published
from ecslm.tables.references import AnyModelName, ModelName, SettingName, TaskName
from ecslm.tables.scores import Measured, Scores, metric_files, strict_cell
from ecslm.tables.settings import IntervalsEntry
from ecslm.tables.sources import Sources
from ecslm.tables.verdicts import position


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
    def rows(self) -> dict[str, tuple[str, str | None, str | None]]:
        """By name the published row, the model of ours that reproduces it and that of the authors'
        answers, of which one may be missing; ours first."""
        rescored = {row: model for model, row in self.rescored.items()}
        found: dict[str, tuple[str, str | None, str | None]] = {}
        for model in self.models:
            row = self.reproduces.get(model, model)
            found[model] = row, model, rescored.pop(row, None)
        return found | {model: (row, None, model) for row, model in rescored.items()}


Request = TableRequest[ReproductionEntry]


@dataclass(frozen=True)
class _Compared:
    """A published value with our scores of the same task and setting.

    `rounding` is how much the value may be off, since it was rounded.
    """

    metric: str
    published: Cell
    rounding: float
    comparable: bool
    ours: Measured | None
    rescored: Measured | None

    @property
    def doubled(self) -> bool:
        """Whether the published value was printed as twice a recall."""
        return "doubled" in self.published.marks

    def records(self) -> Cell:
        """Our test records."""
        one = self.ours or self.rescored
        return count_cell(one.records, one.sources) if one else Cell()

    def released(self, one: Measured | None) -> Cell:
        """The score of the released scorer."""
        return number_cell(one.value("released"), score_text, one.sources) if one else Cell()

    def released_2024(self, one: Measured | None) -> Cell:
        """That of the released scorer of 2024, doubled if the published value is."""
        marks = ("doubled",) if self.doubled else ()
        if one is None:
            return Cell()
        return number_cell(one.value("released_2024"), score_text, one.sources, marks)

    def difference(self, one: Measured | None) -> Cell:
        """The difference of the published value's own protocol from it."""
        value = self.published.value
        if one is None or not self.comparable or not isinstance(value, float):
            return Cell()
        released = one.value("released_2024" if self.doubled else "released")
        if released is None:
            return Cell()
        sources = (*one.sources, *self.published.sources)
        return number_cell(released - value, difference_text, sources)

    def verdict(self) -> Cell:
        """Whether our interval contains the published value."""
        interval, value = strict_cell(self.ours).interval, self.published.value
        if interval is None or not self.comparable or self.doubled or not isinstance(value, float):
            return Cell()
        inside = position(interval, value, self.rounding) == "contains"
        return text_cell("inside" if inside else "outside", self.published.sources)


Column = tuple[HeaderCell, Callable[[_Compared], Cell]]
PUBLISHED_COLUMNS: tuple[Column, ...] = (
    (HeaderCell("metric", "Metric", form="text"), lambda one: text_cell(one.metric)),
    (HeaderCell("n", "n", form="count"), _Compared.records),
    (HeaderCell("published", "Published"), lambda one: one.published),
)
OUR_COLUMNS: tuple[Column, ...] = (
    (HeaderCell("released", "Ours", "released"), lambda one: one.released(one.ours)),
    (HeaderCell("released_2024", "Ours", "released 2024"), lambda one: one.released_2024(one.ours)),
    (
        HeaderCell("difference", "Difference", "from published"),
        lambda one: one.difference(one.ours),
    ),
    (HeaderCell("strict", "Ours", "strict"), lambda one: strict_cell(one.ours)),
    (
        HeaderCell("verdict", "Published is", "in our interval", form="text"),
        _Compared.verdict,
    ),
)
RESCORED_COLUMNS: tuple[Column, ...] = (
    (
        HeaderCell("rescored", "Authors' answers", "released"),
        lambda one: one.released(one.rescored),
    ),
    (
        HeaderCell("rescored_2024", "Authors' answers", "released 2024"),
        lambda one: one.released_2024(one.rescored),
    ),
    (
        HeaderCell("rescored difference", "Difference", "from published"),
        lambda one: one.difference(one.rescored),
    ),
)


def build(name: str, request: Request, sources: Sources) -> Table:
    """The table from metrics files and published numbers: a group for each model and setting."""
    entry, titles = request.table, request.context.setting_title
    published = Published(sources.require("published"))
    scores = Scores(sources.results, request.context, with_intervals=True)
    columns = [
        column
        for column in (
            *PUBLISHED_COLUMNS,
            *(OUR_COLUMNS if entry.models else ()),
            *(RESCORED_COLUMNS if entry.rescored else ()),
        )
        if _with_2024(request) or not column[0].key.endswith("_2024")
    ]
    groups, without_published = [], []
    for model, (row, ours, rescored) in entry.rows.items():
        known = {one: table for one, table in entry.settings.items() if published.has(table, row)}
        without_published += [] if known else [model]
        for setting, table in known.items():
            compared = {
                task: _Compared(
                    metric=request.context.tasks[task].metric,
                    published=published.cell(table, row, task),
                    rounding=published.rounding(table, task),
                    comparable=request.data.comparable,
                    ours=scores.model(ours, task, setting) if ours else None,
                    rescored=scores.model(rescored, task, setting) if rescored else None,
                )
                for task in entry.columns
            }
            rows = tuple(
                Row(name=task, kind="model", cells=tuple(cell(one) for _, cell in columns))
                for task, one in compared.items()
                # Published or measured in the setting.
                if one.published.value is not None or one.ours or one.rescored
            )
            title = f"{model} and the published {row}, {titles(setting)}"
            groups.append(RowGroup(title, rows))
    panel = Panel("", "Task", tuple(head for head, _ in columns), tuple(groups))
    notes = [
        *_column_notes(request),
        *mark_notes([panel], with_intervals=entry.explains_intervals),
        *_seed_notes(request),
    ]
    if not request.data.comparable:
        notes.append(
            "The published values were measured on other data, so there are no differences and no "
            "verdicts."
        )
    if without_published:
        notes.append(f"No results were published for: {', '.join(without_published)}.")
    if path := sources.resources.get("notes"):
        notes += [row["note"] for row in read_csv(path, ("note",))]
    return entry.table(name, [panel], [*notes, data_note(request.data)])


def _with_2024(request: Request) -> bool:
    """Whether the scorer of 2024 may differ from today's."""
    return any(task.answer == "extraction" for task in request.context.tasks.values())


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


def _seed_notes(request: Request) -> Iterator[str]:
    """Which models' values are means over seeds."""
    entry, models = request.table, request.context.models
    several = {
        name: len(models[name].seeds) for name in entry.models if len(models[name].seeds) > 1
    }
    yield from (f"{model}: mean over {seeds} seeds." for model, seeds in several.items())
    if several and entry.explains_intervals:
        yield JOINT


KIND = Kind(
    entry=ReproductionEntry,
    build=build,
    files=lambda request: metric_files(request.context, with_intervals=True),
    resources={"published": PUBLISHED_SCORES, "notes": PUBLISHED_NOTES},
)
