"""The differences of two results directories as text for a terminal."""

from collections.abc import Iterator, Sequence

from ecslm.common.text import number_of
from ecslm.provenance.score_differences import KEY, Change, Comparison, Score
from ecslm.provenance.score_origins import Cause
from ecslm.reports.plain_tables import aligned
from ecslm.tables.model import MISSING, score_text

HEAD = (
    *("Task", "Setting", "Model", "Seed", "Protocol", "A", "B"),
    *("B - A", "95 % interval", "Beyond", "Records"),
)
# Columns that name a score: where all rows have the same value, it stands above them once.
NAMES = 4
RIGHT = frozenset(("Seed", "A", "B", "B - A", "Records"))
NOTE = (
    "Beyond: whether the change is more than chance: records are paired, and the 95 % interval of",
    "B - A lies on one side of 0. *: they cannot be paired, and the two intervals do not overlap.",
    "Records: how many contribute another value to the score, of all.",
)
# Causes of one change that are listed; there may be as many as definitions of code.
MOST_CAUSES = 8


def as_text(found: Comparison) -> str:
    """A line on what is missing each, then the changed scores by what changed them."""
    changed = "none changed"
    if found.changes:
        changed = f"{len(found.changes):,} changed, {found.beyond:,} of them beyond their interval"
    head = [f"A {found.a}, B {found.b}: {number_of(found.compared, 'cell')} in both, {changed}"]
    for one in found.missing:
        names = ", ".join(f"{name} {value}" for name, value in one.names.items())
        head.append(f"only in {one.side}: {names} ({number_of(one.cells, 'cell')})")
    by_causes: dict[tuple[Cause, ...], list[Change]] = {}
    for change in found.changes:
        by_causes.setdefault(change.causes, []).append(change)
    parts = [head, *([*_told(causes), *_table(rows)] for causes, rows in by_causes.items())]
    return "\n\n".join("\n".join(part) for part in [*parts, *([NOTE] if by_causes else [])])


def _told(causes: Sequence[Cause]) -> Iterator[str]:
    yield from map(str, causes[:MOST_CAUSES])
    if len(causes) > MOST_CAUSES:
        yield f"and {len(causes) - MOST_CAUSES} more"


def _table(changes: Sequence[Change]) -> Iterator[str]:
    rows = [_row(change) for change in changes]
    columns = list(zip(*rows, strict=True))
    shared = [n for n in range(NAMES) if len(rows) > 1 and len(set(columns[n])) == 1]
    if shared:
        yield "  " + ", ".join(f"{HEAD[place]} {rows[0][place]}" for place in shared)
    shown = [place for place in range(len(HEAD)) if place not in shared]
    right = [place for place, column in enumerate(shown) if HEAD[column] in RIGHT]
    for line in aligned([[row[place] for place in shown] for row in (HEAD, *rows)], right):
        yield f"  {line}"


def _row(change: Change) -> tuple[str, ...]:
    before, after = change.a.n, change.b.n
    records = f"{after:,}" if before == after else f"{before:,} -> {after:,}"
    if change.records_changed is not None:
        records = f"{change.records_changed:,} of {records}"
    beyond = MISSING
    if change.beyond is not None:
        beyond = f"{'yes' if change.beyond else 'no'}{'' if change.basis == 'paired' else '*'}"
    return (
        *(str(getattr(change, name)) for name in KEY),
        *map(_value, (change.a, change.b)),
        MISSING if change.difference is None else signed(change.difference),
        MISSING if change.ci95 is None else " to ".join(map(signed, change.ci95)),
        beyond,
        records,
    )


def _value(score: Score) -> str:
    return MISSING if score.value is None else score_text(score.value)


def signed(value: float) -> str:
    """A difference with its sign, and with more digits if three would show 0."""
    text = f"{value:+.3f}"
    return f"{value:+.1g}" if value and not float(text) else text
