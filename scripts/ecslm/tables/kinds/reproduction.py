"""The reproduction table: each published value with ours, and whether our interval contains it.

Where the published answers themselves are at hand, what they score stands beside them. Each
protocol has its column; the difference is that of the published value's own (`released`, or
`released_2024` where it was printed as twice a recall). The interval belongs to the strict value,
the only one that has one; a doubled value is on another scale, so it gets no verdict.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from ecslm.common.csv_rows import read_csv
from ecslm.schemas.metrics_file import Protocol
from ecslm.schemas.paths import PUBLISHED_NOTES, PUBLISHED_SCORES
from ecslm.tables import model as cells
from ecslm.tables.entry import IntervalsEntry
from ecslm.tables.inputs import Inputs
from ecslm.tables.model import Cell, HeaderCell, IntervalsPlace, Panel, Table
from ecslm.tables.notes import JOINT, mark_notes
from ecslm.tables.references import AnyModelName, ModelName, SettingName, TaskName
from ecslm.tables.scores import Measured, headline, score_files
from ecslm.tables.settings import TableContext


class ReproductionEntry(IntervalsEntry):
    """Published values next to ours, cell by cell."""

    READS: ClassVar = (score_files,)
    RESOURCES: ClassVar = {"published": PUBLISHED_SCORES, "notes": PUBLISHED_NOTES}

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

    def build(self, name: str, inputs: Inputs) -> Table:
        """The table from metrics files and published numbers: a group for each model and
        setting."""
        study, published = inputs.study, inputs.published
        with_2024 = self._with_2024(study)
        columns = [*_columns(bool(self.models), bool(self.rescored), with_2024)]
        groups: dict[str, dict[str, _Compared]] = {}
        without_published = []
        for model, (row, ours, rescored) in self.rows.items():
            known = {one: of for one, of in self.settings.items() if published.has(of, row)}
            without_published += [] if known else [model]
            for setting, table in known.items():
                compared = {
                    task: _Compared(
                        metric=study.tasks[task].metric,
                        published=published.cell(table, row, task),
                        rounding=published.rounding(table, task),
                        comparable=study.data.comparable,
                        ours=inputs.scores.of(ours, task, setting),
                        rescored=inputs.scores.of(rescored, task, setting),
                    )
                    for task in self.columns
                }
                groups[f"{model} and the published {row}, {study.setting_title(setting)}"] = {
                    task: one
                    for task, one in compared.items()
                    # Published or measured in the setting.
                    if one.published.value is not None or one.ours or one.rescored
                }
        rows = cells.row_groups(columns, groups, "model")
        panel = Panel("", "Task", cells.heads(columns), rows)
        notes = [
            *self._column_notes(with_2024),
            *mark_notes([panel], with_intervals=self.explains_intervals),
            *self._seed_notes(study),
        ]
        if not study.data.comparable:
            notes.append(
                "The published values were measured on other data, so there are no differences and "
                "no verdicts."
            )
        if without_published:
            notes.append(f"No results were published for: {', '.join(without_published)}.")
        if path := inputs.resources.get("notes"):
            notes += [row["note"] for row in read_csv(path, ("note",))]
        return self.table(name, [panel], notes, study.data)

    def _with_2024(self, study: TableContext) -> bool:
        """Whether the scorer of 2024 may differ from today's."""
        return any(study.tasks[task].answer == "extraction" for task in self.columns)

    def _column_notes(self, with_2024: bool) -> Iterator[str]:
        released = (
            "n: our test records, from which the released scorers leave out yes/no answers and "
            "choices that they cannot read. Released: the score of the scorer that ECInstruct's "
            "authors publish"
        )
        if with_2024:
            yield (
                f"{released}; released 2024: its score before its correction of September 2025, "
                "which differs only for extraction (AVE). Both count an extracted entry as often "
                "as the answer repeats it, so they may exceed 1. Difference from published: "
                "released 2024 minus the published value if that has a †, otherwise released "
                "minus published."
            )
        else:
            yield f"{released}. Difference from published: released minus published."
        if self.models:
            yield (
                "Inside, outside: whether the published value, up to rounding, lies in the 95 % "
                "interval of our strict value."
            )
        if self.rescored:
            yield (
                "Authors' answers: the scores here of the answers that the study's authors publish."
            )

    def _seed_notes(self, study: TableContext) -> Iterator[str]:
        """Which models' values are means over seeds."""
        several = [name for name in self.models if len(study.models[name].seeds) > 1]
        for name in several:
            yield f"{name}: mean over {len(study.models[name].seeds)} seeds."
        if several and self.explains_intervals:
            yield JOINT


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
        return cells.count_cell(one.records, one.sources) if one else Cell()

    def score(self, one: Measured | None, protocol: Protocol) -> Cell:
        """The score of a released scorer; that of 2024 is doubled if the published value is."""
        if one is None:
            return Cell()
        marks = ("doubled",) if self.doubled and protocol == "released_2024" else ()
        return cells.number_cell(one.value(protocol), cells.score_text, one.sources, marks)

    def difference(self, one: Measured | None) -> Cell:
        """The difference of the published value's own protocol from it."""
        own, other = (
            self.score(one, "released_2024" if self.doubled else "released"),
            self.published,
        )
        if not self.comparable or not isinstance(own.value, float):
            return Cell()
        if not isinstance(other.value, float):
            return Cell()
        sources = (*own.sources, *other.sources)
        return cells.number_cell(own.value - other.value, cells.difference_text, sources)

    def verdict(self) -> Cell:
        """Whether our interval contains the published value."""
        interval = self.ours.interval() if self.ours else None
        value = self.published.value
        if interval is None or not self.comparable or self.doubled or not isinstance(value, float):
            return Cell()
        inside = interval.position(value, self.rounding) == "contains"
        return cells.text_cell("inside" if inside else "outside", self.published.sources)


Column = cells.Column[_Compared]


def _columns(ours: bool, rescored: bool, with_2024: bool) -> Iterator[Column]:
    yield HeaderCell("metric", "Metric", form="text"), lambda one: cells.text_cell(one.metric)
    yield HeaderCell("n", "n", form="count"), _Compared.records
    yield HeaderCell("published", "Published"), lambda one: one.published
    if ours:
        keys = "released", "released_2024", "difference"
        yield from _of_scorers(keys, "Ours", lambda one: one.ours, with_2024)
        yield HeaderCell("strict", "Ours", "strict"), lambda one: headline(one.ours)
        yield (
            HeaderCell("verdict", "Published is", "in our interval", form="text"),
            _Compared.verdict,
        )
    if rescored:
        keys = "rescored", "rescored_2024", "rescored difference"
        yield from _of_scorers(keys, "Authors' answers", lambda one: one.rescored, with_2024)


def _of_scorers(
    keys: tuple[str, str, str],
    whose: str,
    of: Callable[[_Compared], Measured | None],
    with_2024: bool,
) -> Iterator[Column]:
    """What the released scorers give for some answers, and the difference from published."""
    released, released_2024, difference = keys
    yield HeaderCell(released, whose, "released"), lambda one: one.score(of(one), "released")
    if with_2024:
        yield (
            HeaderCell(released_2024, whose, "released 2024"),
            lambda one: one.score(of(one), "released_2024"),
        )
    yield (
        HeaderCell(difference, "Difference", "from published"),
        lambda one: one.difference(of(one)),
    )
