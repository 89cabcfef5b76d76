"""The differences of two results directories as text for a terminal."""

from collections.abc import Iterator, Sequence

import pandas as pd

from ecslm.common.text import number_of
from ecslm.provenance.changes import Change
from ecslm.provenance.score_differences import KEY, ChangedScore, Comparison
from ecslm.tables.model import MISSING, score_text

# Columns that name a score: where all rows have the same value, it stands above them once.
NAMES = 4
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
    by_causes: dict[tuple[Change, ...], list[ChangedScore]] = {}
    for change in found.changes:
        by_causes.setdefault(change.causes, []).append(change)
    parts = [head, *([*_told(causes), *_table(rows)] for causes, rows in by_causes.items())]
    return "\n\n".join("\n".join(part) for part in [*parts, *([NOTE] if by_causes else [])])


def _told(causes: Sequence[Change]) -> Iterator[str]:
    yield from map(str, causes[:MOST_CAUSES])
    if len(causes) > MOST_CAUSES:
        yield f"and {len(causes) - MOST_CAUSES} more"


def _table(changes: Sequence[ChangedScore]) -> Iterator[str]:
    rows = pd.DataFrame(map(_row, changes))
    shared = [name for name in rows.columns[:NAMES] if len(rows) > 1 and rows[name].nunique() == 1]
    if shared:
        yield "  " + ", ".join(f"{name} {rows[name][0]}" for name in shared)
    for line in rows.drop(columns=shared).to_string(index=False).splitlines():
        yield f"  {line.rstrip()}"


def _row(change: ChangedScore) -> dict[str, str]:
    a, b, ci95 = change.a, change.b, change.ci95
    records = f"{b.n:,}" if a.n == b.n else f"{a.n:,} -> {b.n:,}"
    if change.records_changed is not None:
        records = f"{change.records_changed:,} of {records}"
    beyond = MISSING
    if change.beyond is not None:
        beyond = f"{'yes' if change.beyond else 'no'}{'' if change.basis == 'paired' else '*'}"
    return {
        **{name.capitalize(): str(getattr(change, name)) for name in KEY},
        "A": MISSING if a.value is None else score_text(a.value),
        "B": MISSING if b.value is None else score_text(b.value),
        "B - A": MISSING if change.difference is None else signed(change.difference),
        "95 % interval": MISSING if ci95 is None else " to ".join(map(signed, ci95)),
        "Beyond": beyond,
        "Records": records,
    }


def signed(value: float) -> str:
    """A difference with its sign, and with more digits if three would show 0."""
    text = f"{value:+.3f}"
    return f"{value:+.1g}" if value and not float(text) else text
