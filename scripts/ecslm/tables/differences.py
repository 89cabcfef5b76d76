"""Cells of differences between scores, and the notes that they need."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from ecslm.comparisons.results import Comparison, Test
from ecslm.schemas.paths import comparison_path
from ecslm.tables.inputs import TaskComparison
from ecslm.tables.model import Cell, Interval, difference_text
from ecslm.tables.notes import LEVEL, in_tasks
from ecslm.tables.settings import ContrastContext

TESTS: dict[Test, str] = {
    "randomisation": "paired randomisation test",
    "randomisation_mcnemar": "few records of a class: the larger p of the paired randomisation "
    "test and of McNemar's on right answers",
    "mcnemar": "McNemar's exact test",
    "newcombe": "unpaired, from both Wilson intervals (Newcombe)",
    "bootstrap": "unpaired, centred bootstrap",
    "binomial": "against an expected share, exact binomial test",
    "expected": "against an expected score, centred bootstrap",
}

# Below it a p-value is shown as less than it.
LEAST_P = 0.001

SignificanceMark = Literal["significant", "undecided", "few"]
# Why a difference is not marked.
UNMARKED: dict[str, str] = {
    "few": "an unpaired test is not valid with so few records, or so few that decide",
    "undecided": f"too few random exchanges to tell on which side of {LEVEL} it is",
}


def difference_cell(task: str, row: Comparison) -> Cell:
    """The difference with its interval, and the mark of its significance."""
    sources = (comparison_path(task),)
    if row.difference is None or row.ci95 is None:
        return Cell(sources=sources)
    mark = significance_mark(row)
    return Cell(
        value=row.difference,
        shown=difference_text(row.difference),
        interval=Interval(*row.ci95, row.reliable),
        marks=() if mark is None else (mark,),
        sources=sources,
    )


def p_text(p: float, below: str) -> str:
    """A p-value as it is shown: three decimals, that tell on which side of the level it is.

    Args:
        below: the sign, or words, before a number that p is less than.
    """
    if p < LEAST_P:
        return f"{below}{LEAST_P}"
    shown = f"{p:.3f}"
    return f"{below}{LEVEL:.3f}" if p < LEVEL <= float(shown) else shown


def significance_mark(row: Comparison) -> SignificanceMark | None:
    """Whether the difference is significant, and if only almost, why it is not.

    It must not depend on the luck of random draws, so both ends of the interval of the adjusted p
    count.
    """
    if row.p_holm is None:
        return None
    low, high = row.p_holm_interval or (row.p_holm, row.p_holm)
    if min(low, row.p_holm) >= LEVEL:
        return None
    if not row.sound:
        return "few"
    return "significant" if high < LEVEL else "undecided"


def comparison_notes(compared: Sequence[TaskComparison]) -> Iterator[str]:
    """What differences and p mean, and which differences are not marked although p is small."""
    if not compared:
        return
    yield (
        "Difference: the first minus the second strict score, means over seeds if there are "
        "several. p: two-sided; except in McNemar's test it is computed in another way than the "
        "interval, so the two may disagree near the level. Holm: p adjusted over all tests of the "
        "contrast, whether shown here or not. All of this holds for these adapters: other training "
        "runs may differ by more."
    )
    yield from unmarked_notes((significance_mark(row), task) for task, row in compared)


def unmarked_notes(marks: Iterable[tuple[str | None, str]]) -> Iterator[str]:
    """Why differences are not marked although p may be small.

    Args:
        marks: each with its task.
    """
    tasks = in_tasks(marks)
    for mark, reason in UNMARKED.items():
        if mark in tasks:
            yield f"Not marked although p may be below {LEVEL}, {tasks[mark]}: {reason}."


def contrast_notes(
    compared: Sequence[TaskComparison], contrasts: Mapping[str, ContrastContext]
) -> Iterator[str]:
    """How each contrast was tested, which simple baselines were the best, and in which pairings
    only some of the records have a partner."""
    for contrast in dict.fromkeys(row.contrast for _, row in compared):
        title = contrasts[contrast].title
        own = [(task, row) for task, row in compared if row.contrast == contrast]
        made = in_tasks((row.test, task) for task, row in own)
        tests = [f"{words} ({made[test]})" for test, words in TESTS.items() if test in made]
        yield f"{title}, {own[0][1].family} tests: {'; '.join(tests) or 'none'}."
        best = in_tasks((row.b, task) for task, row in own if row.best_simple)
        if best:
            chosen = "; ".join(f"{name} ({tasks})" for name, tasks in best.items())
            yield f"{title}: best simple baseline by validation records: {chosen}."
        yield from dict.fromkeys(
            f"{title}: {task} is compared on {row.n:,} shared samples; {row.unshared:,} records "
            "have no partner."
            for task, row in own
            if row.unshared
        )
