"""The difference of two results directories as text for a terminal, and as JSON values."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ecslm.common.text import number_of
from ecslm.provenance.difference.cells import ScoreCell
from ecslm.provenance.difference.compare import Change, Missing, ResultsDiff
from ecslm.provenance.difference.origins import Cause
from ecslm.reports.plain_tables import aligned
from ecslm.tables.model import MISSING, score_text

HEAD = (
    *("Task", "Setting", "Model", "Seed", "Protocol", "A", "B"),
    *("B - A", "95 % interval", "Beyond", "Records"),
)
# Columns that name a cell: where all rows have the same value, it stands above them once.
NAMES = 4
RIGHT = frozenset(("Seed", "A", "B", "B - A", "Records"))
NOTE = (
    "Beyond: whether the change is more than chance: records are paired, and the 95 % interval of",
    "B - A lies on one side of 0. *: they cannot be paired, and the two intervals do not overlap.",
    "Records: how many contribute another value to the score, of all.",
)
# Causes of one change that are listed; there may be as many as definitions of code.
MOST_CAUSES = 8


def as_text(diff: ResultsDiff, before: Path, after: Path) -> str:
    """A line on what is missing each, then the changed cells by what changed them."""
    parts = [[_headline(diff, before, after), *map(_missing_line, diff.missing)]]
    for causes, changes in _by_causes(diff.changes).items():
        parts.append([*_cause_lines(causes), *_indented(_table(changes))])
    if diff.changes:
        parts.append(list(NOTE))
    return "\n\n".join("\n".join(part) for part in parts)


def as_json(diff: ResultsDiff, before: Path, after: Path) -> dict[str, Any]:
    """All of it as plain JSON values."""
    return {
        "a": str(before),
        "b": str(after),
        "compared": diff.compared,
        "changed": len(diff.changes),
        "beyond": diff.beyond,
        "cells": [_change_json(change) for change in diff.changes],
        "missing": [asdict(one) for one in diff.missing],
    }


def _headline(diff: ResultsDiff, before: Path, after: Path) -> str:
    cells = f"{number_of(diff.compared, 'cell')} in both"
    if not diff.changes:
        changed = "none changed"
    else:
        changed = f"{len(diff.changes):,} changed, {diff.beyond:,} of them beyond their interval"
    return f"A {before}, B {after}: {cells}, {changed}"


def _missing_line(missing: Missing) -> str:
    names = ", ".join(f"{name} {value}" for name, value in missing.names.items())
    return f"only in {missing.side}: {names} ({missing.cells:,} cell{'s' * (missing.cells != 1)})"


def _by_causes(changes: Sequence[Change]) -> dict[tuple[Cause, ...], list[Change]]:
    groups: dict[tuple[Cause, ...], list[Change]] = {}
    for change in changes:
        groups.setdefault(change.causes, []).append(change)
    return groups


def _cause_lines(causes: Sequence[Cause]) -> Iterator[str]:
    yield from map(str, causes[:MOST_CAUSES])
    if len(causes) > MOST_CAUSES:
        yield f"and {len(causes) - MOST_CAUSES} more"


def _table(changes: Sequence[Change]) -> Iterator[str]:
    rows = [_row(change) for change in changes]
    shared = [
        place for place in range(NAMES) if len(rows) > 1 and len({r[place] for r in rows}) == 1
    ]
    if shared:
        yield ", ".join(f"{HEAD[place]} {rows[0][place]}" for place in shared)
    shown = [place for place in range(len(HEAD)) if place not in shared]
    right = [place for place, column in enumerate(shown) if HEAD[column] in RIGHT]
    yield from aligned([[row[place] for place in shown] for row in (HEAD, *rows)], right)


def _row(change: Change) -> tuple[str, ...]:
    key = change.key
    return (
        key.task,
        key.setting,
        key.model,
        str(key.seed),
        key.protocol,
        _value(change.before),
        _value(change.after),
        MISSING if change.difference is None else _signed(change.difference),
        MISSING if change.ci95 is None else " to ".join(map(_signed, change.ci95)),
        _beyond(change),
        _records(change),
    )


def _value(cell: ScoreCell) -> str:
    return MISSING if cell.value is None else score_text(cell.value)


def _signed(value: float) -> str:
    """A difference with its sign, and with more digits if three would show 0."""
    text = f"{value:+.3f}"
    return f"{value:+.1g}" if value and not float(text) else text


def _beyond(change: Change) -> str:
    if change.beyond is None:
        return MISSING
    return f"{'yes' if change.beyond else 'no'}{'' if change.basis == 'paired' else '*'}"


def _records(change: Change) -> str:
    before, after = change.before.n, change.after.n
    total = f"{after:,}" if before == after else f"{before:,} -> {after:,}"
    return total if change.records_changed is None else f"{change.records_changed:,} of {total}"


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _change_json(change: Change) -> dict[str, Any]:
    return {
        **asdict(change.key),
        "a": asdict(change.before),
        "b": asdict(change.after),
        "difference": change.difference,
        "ci95": change.ci95,
        "basis": change.basis,
        "beyond": change.beyond,
        "records_changed": change.records_changed,
        "causes": [asdict(cause) for cause in change.causes],
    }
