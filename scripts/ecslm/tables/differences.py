"""Cells of differences between scores, and the notes that they need."""

from collections.abc import Iterable, Iterator, Sequence

from ecslm.comparisons.results import Comparison, Test, comparison_path
from ecslm.tables.model import Cell, Interval, difference_text
from ecslm.tables.notes import LEVEL

TESTS: dict[Test, str] = {
    "randomisation": "paired randomisation test",
    "mcnemar": "McNemar's exact test",
    "bootstrap": "unpaired, centred bootstrap",
}


def difference_cell(task: str, row: Comparison) -> Cell:
    """The difference with its interval; marked where the adjusted p is below the level."""
    low, high = row.ci95
    return Cell(
        value=row.difference,
        shown=difference_text(row.difference),
        interval=Interval(low, high, row.reliable),
        marks=("significant",) if row.p_holm < LEVEL else (),
        sources=(comparison_path(task),),
    )


def compared_notes(compared: Sequence[tuple[str, Comparison]]) -> Iterator[str]:
    """What was compared and how, of comparisons with their tasks."""
    if not compared:
        return
    yield (
        "Difference: the first minus the second strict score, of several seeds their means. p: "
        "two-sided; Holm: adjusted over all tasks and pairs of its contrast."
    )
    used = {row.test for _, row in compared}
    if len(used) == 1:
        yield f"Test: {TESTS[used.pop()]}."
    else:
        for test, words in TESTS.items():
            if test in used:
                yield f"{words[0].upper()}{words[1:]}: {_tasks(compared, test)}."
    for task, text in _partly(compared):
        yield f"{task}: {text}"


def _tasks(compared: Iterable[tuple[str, Comparison]], test: Test) -> str:
    return ", ".join(dict.fromkeys(task for task, row in compared if row.test == test))


def _partly(compared: Iterable[tuple[str, Comparison]]) -> Iterator[tuple[str, str]]:
    """Of pairings in which only part of the records have a partner."""
    told = dict.fromkeys(
        (task, f"compared on {row.n:,} shared samples; {row.unshared:,} records have no partner.")
        for task, row in compared
        if row.unshared
    )
    yield from told
