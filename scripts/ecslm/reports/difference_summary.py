"""The summary of differences between scores that differences.py and compare.py print.

Left out of code digests: an edit here tests no difference again.
"""

from collections.abc import Mapping, Sequence

from ecslm.comparisons.results import Comparison, Difference
from ecslm.reports.plain_tables import aligned
from ecslm.tables.differences import p_text
from ecslm.tables.model import MISSING, difference_text, score_text

NOTES = {
    "Difference": "of the strict scores, A minus B: above 0 A is better",
    "p (Holm)": "p adjusted for all tests of the contrast, in all tasks",
    "(not reliable)": "the interval may be too narrow: too few records, or too few that decide",
    "(not valid)": "too few records for this test",
    MISSING: "not defined",
}


def summary(differences: Mapping[str, Sequence[Difference]]) -> str:
    """The differences of each task as tables of plain text, with the meaning of their columns."""
    tables = [line for task, rows in differences.items() for line in _table(task, rows)]
    text = "\n".join(tables)
    notes = [(f"{name}:", words) for name, words in NOTES.items() if name in text]
    return "\n".join([*tables, *aligned(notes)])


def _table(task: str, rows: Sequence[Difference]) -> list[str]:
    if not rows:
        return [f"{task}: no difference to test: no contrast has both of its sides", ""]
    holm = any(isinstance(row, Comparison) for row in rows)
    head = ("Contrast", "A", "B", "In", "Records", "Score A", "Score B", "Difference")
    columns = (*head, "95 % interval", "p", *(["p (Holm)"] if holm else []))
    lines = [columns, *(_line(row) for row in rows)]
    return [task, *aligned(lines, right=range(4, 8)), ""]


def _line(row: Difference) -> tuple[str, ...]:
    records = f"{row.n:,}" if row.paired else f"{row.n:,} / {row.n_b:,}"
    difference = MISSING if row.difference is None else difference_text(row.difference)
    interval = MISSING
    if row.ci95 is not None:
        interval = " to ".join(map(difference_text, row.ci95))
        interval += "" if row.reliable else " (not reliable)"
    p = _p(row.p) if row.sound or row.p is None else f"{_p(row.p)} (not valid)"
    return (
        *(row.contrast, row.a, row.b, row.setting or row.model or "", records),
        *(MISSING if value is None else score_text(value) for value in (row.value_a, row.value_b)),
        *(difference, interval, p),
        *([_p(row.p_holm)] if isinstance(row, Comparison) else []),
    )


def _p(value: float | None) -> str:
    if value is None:
        return MISSING
    return p_text(value, "below ")
