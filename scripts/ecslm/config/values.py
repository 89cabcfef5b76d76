"""Values that no key of a configuration may have, regardless of its schema."""

import math
from collections.abc import Iterator
from typing import Any

from ecslm.common.text import shown
from ecslm.schemas.fields import is_writable

# Keys of what is asked for elsewhere, as an argument of a command or a part of an address.
ASKED_FOR = frozenset({"id", "package", "revision", "version"})
# These and keys of files and folders must say something.
NEEDED = ASKED_FOR | {"archive", "path", "published_numbers", "url", "weights"}


def value_problems(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """The dotted path and the problem of each key with such a value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from value_problems(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from value_problems(inner, f"{path}.{number}")
    elif problem := _problem(value, path.rpartition(".")[2]):
        yield path, problem


def _problem(value: Any, key: str) -> str:
    match value:
        case float() if not math.isfinite(value):
            return f"should be a number, not {value}"
        case str() if key in NEEDED and not value.strip():
            return "is empty"
        case str() if key in ASKED_FOR and value.startswith("-"):
            return f"begins with -, as options of commands do: {shown(value)}"
        case str() if not is_writable(value):
            return "has half a character (a surrogate): remove it"
        case str() if any(ord(one) < 32 and one not in "\n\t" for one in value):
            return "has a control character: remove it"
        case str() if key in NEEDED and "\n" in value:
            return "has a new line: remove it"
    return ""
