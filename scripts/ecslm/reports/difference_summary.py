"""The summary of differences between scores that differences.py and compare.py print.

Left out of code digests: an edit here tests no difference again.
"""

from collections.abc import Mapping, Sequence

from ecslm.comparisons.results import Comparison, Difference
from ecslm.reports.plain_tables import aligned
from ecslm.tables.kinds.comparisons import p_text
from ecslm.tables.model import MISSING, difference_text

NOTES = {
    "Difference": "of the strict scores, A minus B: above 0 A is better",
    "p (Holm)": "p adjusted for all tests of the contrast, in all tasks",
    "(not reliable)": "the interval may be too narrow: too few records, or too few that decide",
    "(not valid)": "too few records for this test",
    MISSING: "not defined",
}


def summary(differences: Mapping[str, Sequence[Difference]]) -> str:
    """The differences of each task as tables of plain text, with the meaning of their columns."""
    lines: list[str] = []
    for task, rows in differences.items():
        if found := list(map(_cells, rows)):
            table = [tuple(found[0]), *(tuple(one.values()) for one in found)]
            lines += [task, *aligned(table, right=range(4, 8)), ""]
        else:
            lines += [f"{task}: no difference to test: no contrast has both of its sides", ""]
    text = "\n".join(lines)
    notes = [(f"{name}:", words) for name, words in NOTES.items() if name in text]
    return "\n".join([*lines, *aligned(notes)])


def _cells(row: Difference) -> dict[str, str]:
    """The cells of a line, by the heads of columns."""
    doubt = "" if row.reliable or row.ci95 is None else " (not reliable)"
    invalid = "" if row.sound or row.p is None else " (not valid)"
    cells = {
        "Contrast": row.contrast,
        "A": row.a,
        "B": row.b,
        "In": row.setting or row.model or "",
        "Records": f"{row.n:,}" if row.paired else f"{row.n:,} / {row.n_b:,}",
        "Score A": _known(row.value_a),
        "Score B": _known(row.value_b),
        "Difference": _known(row.difference),
        "95 % interval": " to ".join(map(difference_text, row.ci95 or ())) + doubt or MISSING,
        "p": _p(row.p) + invalid,
    }
    return cells | ({"p (Holm)": _p(row.p_holm)} if isinstance(row, Comparison) else {})


def _known(value: float | None) -> str:
    return MISSING if value is None else difference_text(value)


def _p(value: float | None) -> str:
    return MISSING if value is None else p_text(value, "below ")
