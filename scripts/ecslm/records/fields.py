"""Fields that arrive as strings: options, and values that mean "nothing"."""

import ast
import json
import math
from typing import Any

NOTHING = frozenset({"", "none", "null", "nan"})


def is_nothing(value: Any) -> bool:
    """Whether a raw field holds nothing: None, NaN, "", "None" or "null"."""
    if isinstance(value, float):
        return math.isnan(value)
    return value is None or (isinstance(value, str) and value.strip().lower() in NOTHING)


def parse_options(value: Any) -> list[str] | None:
    """Options as a list: from a list, JSON text or the Python repr of a list; None for nothing.

    Raises:
        ValueError: the value is none of these, or is not a list of strings.
    """
    if is_nothing(value):
        return None
    options = parse_list(value) if isinstance(value, str) else value
    if not isinstance(options, list) or not all(isinstance(option, str) for option in options):
        raise ValueError("not a list of strings")
    return options or None


def parse_list(text: str) -> Any:
    """The value of JSON text or, failing that, of a Python literal.

    Raises:
        ValueError: the text is neither.
    """
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        pass
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        raise ValueError("neither JSON nor a Python list") from None
