"""Lists of answers as texts."""

from typing import Any

from ecslm.common.errors import InputError
from ecslm.schemas.fields import is_writable


def checked_texts(found: Any, where: str) -> list[str]:
    """A JSON value that must be a list of texts.

    Args:
        where: the file, for errors.

    Raises:
        InputError: it is not a list, or an item is not a text.
    """
    if not isinstance(found, list):
        raise InputError(f"{where}: not a JSON list of texts")
    for number, text in enumerate(found, start=1):
        if not isinstance(text, str) or not is_writable(text):
            raise InputError(f"{where}: item {number}: not a text")
    return found
