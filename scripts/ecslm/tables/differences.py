"""Cells of differences between scores, and the notes that they need."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ecslm.comparisons.results import Comparison, Test, comparison_path
from ecslm.tables.model import Cell, Interval, difference_text
from ecslm.tables.notes import LEVEL

TESTS: dict[Test, str] = {
    "randomisation": "paired randomisation test",
    "mcnemar": "McNemar's exact test",
    "newcombe": "unpaired, from both Wilson intervals (Newcombe)",
    "bootstrap": "unpaired, centred bootstrap",
}

# A comparison with its task.
Compared = tuple[str, Comparison]


def difference_cell(task: str, row: Comparison) -> Cell:
    """The difference with its interval; marked where its adjusted p is below the level and it has
    enough records."""
    sources = (comparison_path(task),)
    if row.difference is None or row.ci95 is None or row.p_holm is None:
        return Cell(sources=sources)
    low, high = row.ci95
    return Cell(
        value=row.difference,
        shown=difference_text(row.difference),
        interval=Interval(low, high, row.reliable),
        marks=("significant",) if row.p_holm < LEVEL and row.reliable else (),
        sources=sources,
    )


def compared_notes(compared: Sequence[Compared], titles: Mapping[str, str]) -> Iterator[str]:
    """What was compared and how; `titles` are those of the contrasts."""
    if not compared:
        return
    yield (
        "Difference: the first minus the second strict score, of several seeds their means. p: "
        "two-sided; Holm: adjusted over all that its contrast compares, in all tasks, whether or "
        "not it stands here."
    )
    for contrast in dict.fromkeys(row.contrast for _, row in compared):
        own = [(task, row) for task, row in compared if row.contrast == contrast]
        tests = [
            f"{words} ({_tasks(own, test)})" for test, words in TESTS.items() if _has(own, test)
        ]
        yield f"{titles[contrast]}: {'; '.join(tests) or 'no score is defined'}."
        for row_words in _partly(own):
            yield f"{titles[contrast]}: {row_words}"
    if any(max(row.seeds) > 1 for _, row in compared):
        yield "Of several seeds: interval and p are about these adapters, not about other seeds."


def _has(compared: Iterable[Compared], test: Test) -> bool:
    return any(row.test == test for _, row in compared)


def _tasks(compared: Iterable[Compared], test: Test) -> str:
    return ", ".join(dict.fromkeys(task for task, row in compared if row.test == test))


def _partly(compared: Iterable[Compared]) -> Iterator[str]:
    """Of pairings in which only part of the records have a partner."""
    yield from dict.fromkeys(
        f"{task} is compared on {row.n:,} shared samples; {row.unshared:,} records have no partner."
        for task, row in compared
        if row.unshared
    )
