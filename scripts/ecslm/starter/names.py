"""The name of a new study: it becomes part of files and commands."""

import re
from collections.abc import Collection

from ecslm.common.errors import InputError
from ecslm.common.plain_words import NAME
from ecslm.common.text import shown
from ecslm.schemas.paths import SHARED

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
