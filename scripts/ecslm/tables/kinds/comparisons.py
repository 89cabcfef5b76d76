"""The comparisons table: differences of the study's own scores, with intervals and p-values; and
for tables of other kinds, cells of differences and the notes that they need."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field

from ecslm.common.text import number_of
from ecslm.common.tidy_rows import TidyRow
from ecslm.comparisons.results import Test, is_sound
from ecslm.schemas.paths import COMPARISONS_PARQUET
from ecslm.schemas.references import ContrastName, TaskName
from ecslm.tables.inputs import TASKS, Inputs, IntervalsEntry
from ecslm.tables.model import Cell, HeaderCell, Interval, IntervalsPlace, Panel, Table, row_groups
from ecslm.tables.notes import LEVEL, in_tasks, mark_notes, with_tasks
from ecslm.tidy.study import StudyContext

TESTS: dict[Test, str] = {
    "randomisation": "paired randomisation test",
    "randomisation_mcnemar": "few records of a class: the larger p of the paired randomisation "
    "test and of McNemar's on right answers",
    "mcnemar": "McNemar's exact test",
    "newcombe": "unpaired, from both Wilson intervals (Newcombe)",
    "bootstrap": "unpaired, centred bootstrap",
    "expected": "against an expected score, centred bootstrap",
}
# Below it a p-value is shown as less than it.
LEAST_P = 0.001
# Why a difference is not marked as significant, by the mark that it has instead.
UNMARKED = {
    "few": "a test that is not exact is not valid with so few records, or so few that decide",
    "undecided": f"too few random exchanges to tell on which side of {LEVEL} it is",
}
# Of cells.
SOURCES = (COMPARISONS_PARQUET,)
BEST_SIMPLE = "the best simple baseline"
COLUMNS = (
    HeaderCell("metric", "Metric", form="text"),
    HeaderCell("difference", "Difference"),
    HeaderCell("p", "p"),
    HeaderCell("p_holm", "p", "Holm"),
    HeaderCell("n", "n", form="count"),
)


class ComparisonsEntry(IntervalsEntry):
    """Differences between the study's own scores, with intervals and p-values."""

    READS: ClassVar = (COMPARISONS_PARQUET,)

    kind: Literal["comparisons"]
    intervals: IntervalsPlace = "beside"
    """Where intervals stand in LaTeX, if at all."""
    contrasts: tuple[ContrastName, ...] = Field(min_length=1)
    """Contrasts, in order."""
    columns: tuple[TaskName, ...] = TASKS

    def build(self, name: str, inputs: Inputs) -> Table:
        """The table from comparisons: a panel for each contrast, and each setting or pair of
        them."""
        study, panels = inputs.study, []
        found = inputs.compared(self.columns, *self.contrasts)
        of_panels: dict[tuple[str, str], list[TidyRow]] = {}
        for row in found:
            of_panels.setdefault((row["contrast"], _common(study, row)), []).append(row)
        for (contrast, what), compared in of_panels.items():
            title = study.contrasts[contrast]
            # The contrast, and what it leaves open.
            title = title if title.lower() == what.lower() else f"{title}: {what}"
            rows: dict[str, dict[str, dict[str, Cell]]] = {}
            for row in compared:
                against = BEST_SIMPLE if row["best_simple"] else row["b"]
                group = rows.setdefault(row["model"] or f"{row['a']} against {against}", {})
                group[row["task"]] = _cells(study, row)
            notes = tuple(contrast_notes(compared, study.contrasts))
            groups = row_groups(COLUMNS, rows)
            panels.append(Panel(title, "Task", COLUMNS, groups, title, notes))
        below = [*comparison_notes(found), *mark_notes(panels, self.intervals)]
        shown = {row["contrast"] for row in found}
        if idle := [study.contrasts[one] for one in self.contrasts if one not in shown]:
            below.append(f"Nothing to compare, since models have no answers: {', '.join(idle)}.")
        below.append(study.data.note)
        return self.table(name, panels, below)


def _common(study: StudyContext, row: TidyRow) -> str:
    """What the rows of a panel have in common: the setting, or the two compared settings."""
    names = ("setting",) if row["setting"] else ("a", "b")
    return " against ".join(study.setting_title(row[name]) for name in names)


def _cells(study: StudyContext, row: TidyRow) -> dict[str, Cell]:
    # The number of records; if they are not paired, of both sides.
    records = "{:,}".format if row["paired"] else f"{{}}/{row['n_b']}".format
    return {
        "metric": Cell.text(study.tasks[row["task"]].metric),
        "difference": difference_cell(row),
        "p": Cell.of(row["p"], p_text, SOURCES),
        "p_holm": Cell.of(row["p_holm"], p_text, SOURCES),
        "n": Cell.of(row["n"], records, SOURCES),
    }


def difference_cell(row: TidyRow) -> Cell:
    """The difference with its interval, and the mark of its significance."""
    if None in (row["difference"], row["low"]):
        return Cell(sources=SOURCES)
    mark = significance_mark(row)
    cell = Cell.difference(row["difference"], SOURCES, *([mark] if mark else []))
    return replace(cell, interval=Interval(row["low"], row["high"], row["reliable"]))


def p_text(p: float) -> str:
    """A p-value as it is shown: three decimals, that tell on which side of the level it is."""
    if p < LEAST_P:
        return f"<{LEAST_P}"
    shown = f"{p:.3f}"
    return f"<{LEVEL:.3f}" if p < LEVEL <= float(shown) else shown


def significance_mark(row: TidyRow) -> str | None:
    """Whether the difference is `significant`, and if only almost, why it is not.

    It must not depend on the luck of random draws, so both ends of the interval of the adjusted p
    count.
    """
    # Without an interval p is exact.
    ps = [row[one] for one in ("p_holm", "p_holm_low", "p_holm_high") if row[one] is not None]
    if min(ps, default=LEVEL) >= LEVEL:
        return None
    if not is_sound(row["reliable"], row["test"]):
        return "few"
    return "significant" if ps[-1] < LEVEL else "undecided"


def comparison_notes(compared: Sequence[TidyRow]) -> Iterator[str]:
    """What differences and p mean, and which differences are not marked although p is small."""
    if not compared:
        return
    yield (
        "Difference: the first minus the second strict score, means over seeds if there are "
        "several. p: two-sided; except in McNemar's test it is computed in another way than the "
        "interval, so the two may disagree near the level. Holm: p adjusted over all tests of the "
        "contrast, whether shown here or not."
    )
    yield from unmarked_notes((significance_mark(row), row["task"]) for row in compared)


def unmarked_notes(marks: Iterable[tuple[str | None, str]]) -> Iterator[str]:
    """Why differences are not marked although p may be small.

    Args:
        marks: each with its task.
    """
    tasks = in_tasks(marks)
    for mark, reason in UNMARKED.items():
        if mark in tasks:
            yield f"Not marked although p may be below {LEVEL}, {tasks[mark]}: {reason}."


def contrast_notes(compared: Sequence[TidyRow], contrasts: Mapping[str, str]) -> Iterator[str]:
    """How a contrast was tested, which simple baselines were the best, and in which pairings only
    some of the records have a partner."""
    if not compared:
        return
    title = contrasts[compared[0]["contrast"]]
    made = in_tasks((row["test"], row["task"]) for row in compared)
    tests = [f"{words} ({made[test]})" for test, words in TESTS.items() if test in made]
    count = number_of(compared[0]["family"], "test")
    yield f"{title}, {count}: {'; '.join(tests) or 'none'}."
    if best := with_tasks((row["b"], row["task"]) for row in compared if row["best_simple"]):
        yield f"{title}: best simple baseline by validation records: {best}."
    yield from dict.fromkeys(
        f"{title}: {row['task']} is compared on {row['n']:,} shared samples; "
        f"{row['unshared']:,} records have no partner."
        for row in compared
        if row["unshared"]
    )
