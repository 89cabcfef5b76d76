"""Parsing answers that list attributes and values, to lower-case pairs in order."""

import json
import re
from itertools import islice
from typing import Any

from ecslm.schemas.prediction import ScoredPrediction
from ecslm.scoring.answers.protocol import AnswerType

Entries = tuple[tuple[str, str], ...]

KEYS = frozenset({"attribute", "value"})
# Where a list of objects, or an empty one, may begin, and how many such places are tried: an answer
# that repeats itself has thousands, and each is read to the end.
MOST_TRIES = 1_000
BEGINNING = re.compile(r"\[[ \t\n\r]*[{\]]")


class Extraction(AnswerType):
    """(attribute, value) pairs, lower-cased and stripped."""

    WRONG = "is not a JSON list of objects with `attribute` and `value`"

    def parse(self, text: str, _: ScoredPrediction) -> Entries | None:
        """The pairs of a text that is such a list; a value that is no string becomes JSON text."""
        try:
            # str.strip() also removes white space that JSON does not allow.
            return _entries(json.loads(text.strip()))
        except (ValueError, RecursionError):
            # ValueError: not JSON, or a number with too many digits.
            return None

    def find(self, prediction: ScoredPrediction) -> Entries | None:
        """The pairs of the first such list: also of one inside another or a string."""
        text = prediction.prediction
        for match in islice(BEGINNING.finditer(text), MOST_TRIES):
            try:
                value, _ = json.JSONDecoder().raw_decode(text, match.start())
            except (ValueError, RecursionError):
                continue
            if (entries := _entries(value)) is not None:
                return entries
        return None


ANSWERS = Extraction()


def _entries(value: Any) -> Entries | None:
    if not isinstance(value, list):
        return None
    if not all(isinstance(entry, dict) and entry.keys() >= KEYS for entry in value):
        return None
    return tuple((_text(entry["attribute"]), _text(entry["value"])) for entry in value)


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text.strip().lower()
