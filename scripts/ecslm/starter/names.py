"""Names of a new study and of its tasks: they become parts of files and commands."""

import re
from collections.abc import Collection

from ecslm.common.errors import InputError
from ecslm.common.text import shown
from ecslm.config.names import NAME
from ecslm.schemas.paths import SHARED

OTHER = re.compile(r"[^A-Za-z0-9._-]+")
# Room for suffixes in the 255 bytes that file systems give a name.
LONGEST = 60


def check_study_name(name: str, taken: Collection[str]) -> None:
    """Refuse a name that cannot be a study's.

    Args:
        taken: studies that there are.

    Raises:
        InputError: it is taken, or cannot be the name of a file everywhere.
    """
    if not re.fullmatch(NAME, name) or len(name) > LONGEST:
        raise InputError(
            f"STUDY: {shown(name)} cannot be the name of a study: use at most {LONGEST} letters "
            "without accents, digits, `-`, `_` and `.`, the first one a letter or a digit"
        )
    # Some file systems take names that differ in case alone for the same.
    if name.lower() in {other.lower() for other in (*taken, *SHARED)}:
        raise InputError(f"STUDY: {name} is taken by this project: choose another name")


def task_code(name: str, taken: Collection[str]) -> str:
    """A code for a task: its name in the data as far as a file can be called so."""
    code = OTHER.sub("_", name).strip("._-")[:LONGEST] or "Task"
    codes = (code, *(f"{code}_{number}" for number in range(2, len(taken) + 3)))
    return next(one for one in codes if one not in taken)
