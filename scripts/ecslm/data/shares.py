"""Divides records without a split by a hash of their input, so that each stays in its split."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from pydantic import Field, model_validator

from ecslm.schemas.settings import Closed

# Bits of a digest that become a number from 0 to 1.
BITS = 64
# A string of JSON, or one of its signs with the spaces around it.
JSON_PART = re.compile(r'("(?:[^"\\]|\\.)*")| ?([\[\]{},:]) ?')


class Shares(Closed):
    """Shares of a user's records, which have no column `split`; the rest is trained on.

    A record's input alone decides where it belongs, whatever its case and spaces, also those of an
    input that is JSON, and however its accents are encoded. So the same input is never on both
    sides, whichever tasks ask about it, and a record stays where it is when others are added. The
    numbers of records follow the shares only roughly.
    """

    val: float = Field(
        gt=0, lt=1, description="Share that is not trained on, but evaluated during training."
    )
    test: float = Field(
        gt=0, lt=1, description="Share that is not trained on, and that scores are computed on."
    )

    @model_validator(mode="after")
    def _some_left(self) -> "Shares":
        if self.val + self.test >= 1:
            raise ValueError("val and test: leave a share to train on: their sum must be below 1")
        return self

    def split_of(self, row: Mapping[str, Any]) -> str:
        """Where a row belongs."""
        text = unicodedata.normalize("NFKC", str(row.get("input")))
        words = _spaced_as_usual(" ".join(text.casefold().split()))
        digest = hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()
        place = int(digest[: BITS // 4], 16) / 2**BITS
        if place < self.test:
            return "test"
        return "val" if place < self.test + self.val else "train"


def _spaced_as_usual(text: str) -> str:
    """JSON with the spaces that Python writes, so that records which have these stay where they
    are; any other text as it is."""
    if not text.startswith(("{", "[")):
        return text
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    usual = {",": ", ", ":": ": "}
    return JSON_PART.sub(lambda part: part[1] or usual.get(part[2], part[2]), text)
