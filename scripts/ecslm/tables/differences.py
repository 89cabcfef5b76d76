"""Cells of differences between scores, and the notes that they need."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from ecslm.comparisons.proportions import detectable_difference
from ecslm.comparisons.results import Comparison, Test
from ecslm.schemas.paths import comparison_path
from ecslm.tables.model import Cell, Interval, difference_text
from ecslm.tables.notes import LEVEL
from ecslm.tables.settings import ContrastContext, TableContext

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

Verdict = Literal["significant", "undecided", "few"]

# A comparison with its task.
TaskComparison = tuple[str, Comparison]


def difference_cell(task: str, row: Comparison) -> Cell:
    """The difference with its interval, and the mark of its verdict."""
    sources = (comparison_path(task),)
    if row.difference is None or row.ci95 is None:
        return Cell(sources=sources)
    low, high = row.ci95
    mark = verdict(row)
    return Cell(
        value=row.difference,
        shown=difference_text(row.difference),
        interval=Interval(low, high, row.reliable),
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


def comparison_files(context: TableContext) -> dict[str, str]:
    """The comparisons of each task in which a contrast of the table compares something."""
    compared = {task for contrast in context.contrasts.values() for task in contrast.tasks}
    return {task: comparison_path(task) for task in context.tasks if task in compared}


def verdict(row: Comparison) -> Verdict | None:
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
    if records := sorted({row.n for _, row in compared if row.paired}):
        found = (
            f"{difference_text(detectable_difference(n))} with {n:,}"
            for n in dict.fromkeys((records[0], records[-1]))
        )
        yield (
            "Smallest difference that a paired test finds with a power of 80 %, before Holm's "
            "adjustment, where only one side is right in a fifth of the records: "
            f"{', '.join(found)} records (2.8 sqrt(0.2 / n); Connor, Biometrics 43, 1987)."
        )
    verdicts = [(task, verdict(row)) for task, row in compared]
    for mark, reason in (
        ("few", "an unpaired test is not valid with so few records, or so few that decide"),
        ("undecided", f"too few random exchanges to tell on which side of {LEVEL} it is"),
    ):
        tasks = dict.fromkeys(task for task, found in verdicts if found == mark)
        if tasks:
            yield f"Not marked although p may be below {LEVEL}, {', '.join(tasks)}: {reason}."


def contrast_notes(
    compared: Sequence[TaskComparison], contrasts: Mapping[str, ContrastContext]
) -> Iterator[str]:
    """How each contrast was tested."""
    for contrast in dict.fromkeys(row.contrast for _, row in compared):
        own = [(task, row) for task, row in compared if row.contrast == contrast]
        tests = [
            f"{words} ({_tasks(own, test)})" for test, words in TESTS.items() if _has(own, test)
        ]
        title = contrasts[contrast].title
        yield f"{title}, {own[0][1].family} tests: {'; '.join(tests) or 'none'}."
        if chosen := _chosen(own):
            yield f"{title}: best simple baseline by validation records: {'; '.join(chosen)}."
        for sentence in _unshared(own):
            yield f"{title}: {sentence}"


def _chosen(compared: Sequence[TaskComparison]) -> list[str]:
    """The best simple baselines, each with its tasks."""
    tasks: dict[str, dict[str, None]] = {}
    for task, row in compared:
        if row.best_simple:
            tasks.setdefault(row.b, {})[task] = None
    return [f"{name} ({', '.join(of_name)})" for name, of_name in tasks.items()]


def _has(compared: Iterable[TaskComparison], test: Test) -> bool:
    return any(row.test == test for _, row in compared)


def _tasks(compared: Iterable[TaskComparison], test: Test) -> str:
    return ", ".join(dict.fromkeys(task for task, row in compared if row.test == test))


def _unshared(compared: Iterable[TaskComparison]) -> Iterator[str]:
    """Notes on pairings in which only some of the records have a partner."""
    yield from dict.fromkeys(
        f"{task} is compared on {row.n:,} shared samples; {row.unshared:,} records have no partner."
        for task, row in compared
        if row.unshared
    )
