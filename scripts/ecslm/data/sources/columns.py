"""The columns of the release, and a check for misspelt ones."""

import difflib
from collections.abc import Iterable

from ecslm.common.errors import InputError

COLUMNS = (
    *("split", "task", "setting", "instruction", "input", "options", "output"),
    "few_shot_example",
)


def check_columns(names: Iterable[str], where: str) -> None:
    """Refuse misspelt columns of the release; other additional columns are ignored.

    Raises:
        InputError: a column looks misspelt, so it would be ignored.
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
