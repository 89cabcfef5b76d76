"""The columns of the release, and names that are almost theirs."""

import difflib
from collections.abc import Iterable

from ecslm.common.errors import InputError

COLUMNS = (
    *("split", "task", "setting", "instruction", "input", "options", "output"),
    "few_shot_example",
)


def check_columns(names: Iterable[str], where: str) -> None:
    """Refuse columns that are almost those of the release; others are the user's own affair.

    Raises:
        InputError: a column looks like a misspelt one, which would go unread.
    """
    problems = []
    for name in names:
        close = difflib.get_close_matches(name.strip().lower(), COLUMNS, n=1, cutoff=0.8)
        if close and name not in COLUMNS:
            problems.append(
                f"{where}: unknown column {name!r}: did you mean `{close[0]}`? Rename it"
            )
    if problems:
        raise InputError(*problems)
