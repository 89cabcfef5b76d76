"""The reproduction table: each published value with ours, and whether our interval contains it.

Where the published answers themselves are at hand, they have rows of their own. Each
protocol has its column; the difference is that of the published value's own (`released`, or
`released_2024` where it was printed as twice a recall). The interval belongs to the strict value,
the only one that has one; a doubled value is on another scale, so it gets no verdict.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from ecslm.common.files import read_csv
from ecslm.schemas.paths import PUBLISHED_NOTES, SCORES_PARQUET
from ecslm.schemas.references import ModelName, SettingName, TaskName
from ecslm.tables.inputs import TASKS, Inputs, IntervalsEntry
from ecslm.tables.model import Cell, HeaderCell, IntervalsPlace, Panel, Table, row_groups
from ecslm.tables.notes import mark_notes, seed_notes
from ecslm.tables.scores import Measured
from ecslm.tidy.study import StudyContext

PUBLISHED = (
    HeaderCell("metric", "Metric", form="text"),
    HeaderCell("n", "n", form="count"),
    HeaderCell("published", "Published"),
)
# Scores of the released scorers, and the difference from published: of ours, and of the authors'.
OURS: tuple[HeaderCell, ...] = (
    HeaderCell("released", "Ours", "released"),
    HeaderCell("released_2024", "Ours", "released 2024"),
    HeaderCell("difference", "Difference", "from published"),
    HeaderCell("strict", "Ours", "strict"),
    HeaderCell("verdict", "Published is", "in our interval", form="text"),
)
RESCORED: tuple[HeaderCell, ...] = (
    HeaderCell("rescored", "Authors' answers", "released"),
    HeaderCell("rescored_2024", "Authors' answers", "released 2024"),
    HeaderCell("rescored difference", "Difference", "from published"),
)
NOTE = (
    "n: our test records, from which the released scorers leave out yes/no answers and choices "
    "that they cannot read. Released: the score of the scorer that ECInstruct's authors publish; "
    "released 2024: its score before its correction of September 2025, which differs only for "
    "extraction (AVE). Both count an extracted entry as often as the answer repeats it, so they "
    "may exceed 1. Difference from published: released 2024 minus the published value if that has "
    "a †, otherwise released minus published."
)


class ReproductionEntry(IntervalsEntry):
    """Published values next to ours, cell by cell."""

    READS: ClassVar = (SCORES_PARQUET,)
    RESOURCES: ClassVar = {"notes": PUBLISHED_NOTES}

    kind: Literal["reproduction"]
    intervals: IntervalsPlace = "beside"
    """Where the intervals of our strict values stand in LaTeX, if at all."""
    settings: dict[SettingName, str] = Field(min_length=1)
    """Published table of each setting, for example `IND`."""
    columns: tuple[TaskName, ...] = TASKS
    models: tuple[ModelName, ...] = ()
    """Models, in order."""
    reproduces: dict[ModelName, str] = {}
    """Published row of a model, where its name differs from the model's."""
    rescored: dict[ModelName, str] = {}
    """Models that are the authors' own answers: the published row of each."""

    def build(self, name: str, inputs: Inputs) -> Table:
        """The table from scores and published results: a group for each model and setting."""
        study = inputs.study
        columns = (*PUBLISHED, *(OURS if self.models else ()), *(RESCORED if self.rescored else ()))
        rows = [(model, self.reproduces.get(model, model), OURS) for model in self.models]
        rows += [(model, row, RESCORED) for model, row in self.rescored.items()]
        groups: dict[str, dict[str, dict[str, Cell]]] = {}
        strict: dict[str, list[Cell]] = {model: [] for model in self.models}
        for model, row, heads in rows:
            for setting, table in self.settings.items():
                if not inputs.published.has(table, row):
                    continue
                title = f"{model} and the published {row}, {study.setting_title(setting)}"
                groups[title] = {}
                for task in self.columns:
                    published = inputs.published.cell(table, row, task)
                    measured = inputs.scores.of(model, task, setting)
                    if measured or published.value is not None:
                        rounding = inputs.published.rounding(table, task)
                        cells = _cells(study, published, measured, heads, rounding)
                        cells["metric"] = Cell.text(study.tasks[task].metric)
                        groups[title][task] = cells
                        strict.get(model, []).append(cells.get("strict", Cell()))
        panel = Panel("", "Task", columns, row_groups(columns, groups, "model"))
        notes = [
            NOTE,
            *mark_notes([panel], self.intervals),
            *seed_notes(strict, study.models, self.intervals),
        ]
        if not study.data.comparable:
            notes.append("Published values were measured on other data: they are not compared.")
        if path := inputs.resources.get("notes"):
            notes += [row["note"] for row in read_csv(path, ("note",))]
        return self.table(name, [panel], [*notes, study.data.note])


def _cells(
    study: StudyContext,
    published: Cell,
    measured: Measured | None,
    heads: Sequence[HeaderCell],
    rounding: float,
) -> dict[str, Cell]:
    """A published value, and what a model scores beside it: one of ours, with its strict score, or
    the authors' answers."""
    cells = {"published": published}
    if measured is None:
        return cells
    sources, doubled, difference = measured.sources, published.marks, Cell()
    value = published.number if study.data.comparable else None
    own = measured.released_2024 if doubled else measured.released
    if value is not None and own is not None:
        difference = Cell.difference(own - value, (*sources, *published.sources))
    released = Cell.score(measured.released, sources)
    of_2024 = Cell.score(measured.released_2024, sources, *doubled)
    cells["n"] = Cell.count(measured.records, sources)
    scores = zip(heads, (released, of_2024, difference), strict=False)
    cells |= {head.key: cell for head, cell in scores}
    if heads is OURS:
        cells["strict"], interval = measured.cell, measured.cell.interval
        if interval and value is not None and not doubled:
            inside = interval.position(value, rounding) == "contains"
            cells["verdict"] = Cell.text("inside" if inside else "outside", published.sources)
    return cells
