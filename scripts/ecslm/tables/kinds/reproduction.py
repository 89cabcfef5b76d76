"""The reproduction table: each published value with ours, and whether our interval contains it.

Where the published answers themselves are at hand, what they score stands beside them. Each
protocol has its column; the difference is that of the published value's own (`released`, or
`released_2024` where it was printed as twice a recall). The interval belongs to the strict value,
the only one that has one; a doubled value is on another scale, so it gets no verdict.
"""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from ecslm.common.files import read_csv
from ecslm.schemas.paths import PUBLISHED_NOTES, PUBLISHED_SCORES
from ecslm.tables.inputs import TASKS, Inputs, IntervalsEntry
from ecslm.tables.model import Cell, HeaderCell, IntervalsPlace, Panel, Table, row_groups
from ecslm.tables.notes import mark_notes, seed_notes
from ecslm.tables.references import ModelName, SettingName, TaskName

PUBLISHED = (
    HeaderCell("metric", "Metric", form="text"),
    HeaderCell("n", "n", form="count"),
    HeaderCell("published", "Published"),
)
# Scores of the released scorers, and the difference from published: of ours, and of the authors'.
OURS = (
    HeaderCell("released", "Ours", "released"),
    HeaderCell("released_2024", "Ours", "released 2024"),
    HeaderCell("difference", "Difference", "from published"),
    HeaderCell("strict", "Ours", "strict"),
    HeaderCell("verdict", "Published is", "in our interval", form="text"),
)
RESCORED = (
    HeaderCell("rescored", "Authors' answers", "released"),
    HeaderCell("rescored_2024", "Authors' answers", "released 2024"),
    HeaderCell("rescored difference", "Difference", "from published"),
)


class ReproductionEntry(IntervalsEntry):
    """Published values next to ours, cell by cell."""

    READS: ClassVar = ("scores",)
    RESOURCES: ClassVar = {"published": PUBLISHED_SCORES, "notes": PUBLISHED_NOTES}

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
        study = inputs.study
        columns = (*PUBLISHED, *(OURS if self.models else ()), *(RESCORED if self.rescored else ()))
        groups: dict[str, dict[str, dict[str, Cell]]] = {}
        ours: dict[str, list[Cell]] = {name: [] for name in self.models}
        for model, (row, *models) in self.rows.items():
            for setting, table in self.settings.items():
                if not inputs.published.has(table, row):
                    continue
                title = f"{model} and the published {row}, {study.setting_title(setting)}"
                made = (
                    (task, _cells(inputs, task, setting, table, row, *models))
                    for task in self.columns
                )
                groups[title] = {task: found for task, found in made if found}
                ours.setdefault(model, []).extend(
                    found.get("strict", Cell()) for found in groups[title].values()
                )
        panel = Panel("", "Task", columns, row_groups(columns, groups, "model"))
        notes = [
            *self._notes(study.data.comparable),
            *mark_notes([panel], self.intervals),
            *seed_notes(ours, study.models, self.intervals),
        ]
        if path := inputs.resources.get("notes"):
            notes += [row["note"] for row in read_csv(path, ("note",))]
        return self.table(name, [panel], [*notes, study.data.note])

    def _notes(self, comparable: bool) -> Iterator[str]:
        """What the columns mean."""
        yield (
            "n: our test records, from which the released scorers leave out yes/no answers and "
            "choices that they cannot read. Released: the score of the scorer that ECInstruct's "
            "authors publish; released 2024: its score before its correction of September 2025, "
            "which differs only for extraction (AVE). Both count an extracted entry as often "
            "as the answer repeats it, so they may exceed 1. Difference from published: "
            "released 2024 minus the published value if that has a †, otherwise released "
            "minus published."
        )
        if self.models:
            yield (
                "Inside, outside: whether the published value, up to rounding, lies in the 95 % "
                "interval of our strict value."
            )
        if self.rescored:
            yield (
                "Authors' answers: the scores here of the answers that the study's authors publish."
            )
        if not comparable:
            yield (
                "The published values were measured on other data, so there are no differences and "
                "no verdicts."
            )


def _cells(
    inputs: Inputs, task: str, setting: str, table: str, row: str, *models: str | None
) -> dict[str, Cell]:
    """A published value, and the scores of a model of ours and of the authors' answers; nothing
    without any."""
    study, published = inputs.study, inputs.published.cell(table, row, task)
    ours, rescored = (inputs.scores.of(model, task, setting) for model in models)
    one, doubled = ours or rescored, published.marks
    if one is None and published.value is None:
        return {}
    cells = {"metric": Cell.text(study.tasks[task].metric), "published": published}
    if one:
        cells["n"] = Cell.count(one.records, one.sources)
    value = published.number if study.data.comparable else None
    for measured, heads in ((ours, OURS), (rescored, RESCORED)):
        if measured is not None:
            own = measured.released_2024 if doubled else measured.released
            sources, difference = measured.sources, Cell()
            if value is not None and own is not None:
                both = (*sources, *published.sources)
                difference = Cell.difference(own - value, both)
            released = Cell.score(measured.released, sources)
            of_2024 = Cell.score(measured.released_2024, sources, *doubled)
            scores = zip(heads, (released, of_2024, difference), strict=False)
            cells |= {head.key: cell for head, cell in scores}
    if ours:
        cells["strict"], interval = ours.cell, ours.cell.interval
        if interval and value is not None and not doubled:
            position = interval.position(value, inputs.published.rounding(table, task))
            verdict = "inside" if position == "contains" else "outside"
            cells["verdict"] = Cell.text(verdict, published.sources)
    return cells
