"""Parsing answers that list attributes and values, to lower-case pairs in order."""

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from ecslm.common.errors import Problem
from ecslm.schemas.prediction import ScoredPrediction

Entries = tuple[tuple[str, str], ...]

KEYS = frozenset({"attribute", "value"})
# Where a list of objects, or an empty one, may begin, and how many such places are tried: an answer
# that repeats itself has thousands, and each is read to the end.
MOST_TRIES = 1_000
BEGINNING = re.compile(r"\[[ \t\n\r]*[{\]]")


def problems(prediction: ScoredPrediction) -> list[Problem]:
    """A reference that is not a JSON list of objects with attribute and value."""
    if _parse(prediction.reference) is None:
        message = "not a JSON list of objects with `attribute` and `value`"
        return [Problem(message, field="reference")]
    return []


def reference(prediction: ScoredPrediction) -> Entries:
    """The (attribute, value) pairs of the reference."""
    entries = _parse(prediction.reference)
    assert entries is not None
    return entries


def strict(prediction: ScoredPrediction) -> Entries | None:
    """The pairs of a text that is a JSON list of objects with `attribute` and `value`.

    Both are lower-cased and stripped; a value that is not a string becomes its JSON text.
    """
    return _parse(prediction.prediction)


def lenient(prediction: ScoredPrediction) -> Entries | None:
    """The pairs of the first such JSON list anywhere in the text."""
    answer = strict(prediction)
    if answer is not None:
        return answer
    return next(_lists(prediction.prediction), None)


def _lists(text: str) -> Iterator[Entries]:
    """The pairs of all lists in a text, by their start: also of those inside others or strings."""
    for match in islice(BEGINNING.finditer(text), MOST_TRIES):
        try:
            value, _ = json.JSONDecoder().raw_decode(text, match.start())
        except (ValueError, RecursionError):
            continue
        if (entries := _entries(value)) is not None:
            yield entries


def _parse(text: str) -> Entries | None:
    try:
        # str.strip() also removes white space that JSON does not allow.
        return _entries(json.loads(text.strip()))
    except (ValueError, RecursionError):
        # ValueError: not JSON, or a number with too many digits. RecursionError: nested too deeply.
        return None


def _entries(value: Any) -> Entries | None:
    if not isinstance(value, list):
        return None
    if not all(isinstance(entry, dict) and entry.keys() >= KEYS for entry in value):
        return None
    return tuple((_text(entry["attribute"]), _text(entry["value"])) for entry in value)


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text.strip().lower()
