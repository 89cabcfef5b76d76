"""Reading fields that are strings: options, structured inputs, missing values, URLs."""

import ast
import json
import math
import re
import warnings
from collections.abc import Sequence
from string import ascii_uppercase
from typing import Any

NOTHING = frozenset({"", "none", "null", "nan"})


def is_nothing(value: Any) -> bool:
    """Whether a raw field means a missing value: None, NaN, "", "None", "null" or "nan"."""
    if isinstance(value, float):
        return math.isnan(value)
    return value is None or (isinstance(value, str) and value.strip().lower() in NOTHING)


def is_writable(text: str) -> bool:
    """Whether the text can be encoded as UTF-8: JSON escapes may contain unpaired surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def parse_options(value: Any) -> list[str] | None:
    """Options as a list, from a list, JSON text or the Python repr of a list; None if missing.

    Raises:
        ValueError: the value cannot be parsed, or is not a list of strings.
    """
    if is_nothing(value):
        return None
    options = parse_list(value) if isinstance(value, str) else value
    if not isinstance(options, list) or not all(isinstance(option, str) for option in options):
        raise ValueError("not a list of strings")
    return options or None


def parse_list(text: str) -> Any:
    """Parse JSON text or, if that fails, a Python literal.

    Raises:
        ValueError: the text is neither.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        with warnings.catch_warnings():
            # Python warns about invalid escape sequences, but the text is data, not code.
            warnings.simplefilter("ignore")
            return ast.literal_eval(text)
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        raise ValueError("neither JSON nor a Python list") from None


def parse_object(text: str) -> dict[str, Any]:
    """Parse a JSON object, in which a bare NaN may stand for a missing value.

    Raises:
        ValueError: the text is not JSON, or not an object.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def parse_example(text: str) -> dict[str, Any]:
    """Parse the example of a record: a JSON object of which prompts use input, options and output.

    Raises:
        ValueError: the text is not such an object.
    """
    try:
        example = parse_object(text)
        parse_options(example.get("options"))
        valid = isinstance(example["input"], str) and isinstance(example["output"], str)
    except (ValueError, KeyError):
        valid = False
    if not valid:
        raise ValueError("not a JSON object with input, options and output")
    return example


OPTION = re.compile(r"\s*([A-Za-z])\s*:(.*)", re.DOTALL)
"""An option: its letter, and its text."""


def product_letters(labels: Sequence[str] | None) -> str:
    """The letters of a ranking record's products, in order, by their relevance labels."""
    return ascii_uppercase[: len(labels or ())]


NO_SECRET = "should have no user, password, query or fragment: it is written into logs and records"


def may_hold_secret(url: str) -> bool:
    """Whether a URL has a part in which people put passwords and tokens."""
    return any(sign in url for sign in "@?#")
