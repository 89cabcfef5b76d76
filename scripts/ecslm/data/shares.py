"""Divides records without a split by a hash of their input, so that each stays in its split."""

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from pydantic import Field, model_validator

from ecslm.schemas.settings import Closed

# Bits of a digest that become a number from 0 to 1.
BITS = 64


class Shares(Closed):
    """Shares of a user's records, which have no column `split`; the rest is trained on.

    A record's input alone decides where it belongs, whatever its case and spaces, however its
    accents are encoded, and however an input that is JSON is written. So the same input is never on
    both sides, whichever tasks ask about it, and a record stays where it is when others are added.
    The numbers of records follow the shares only roughly.
    """

    val: float = Field(gt=0, lt=1)
    """Share that is not trained on, but evaluated during training."""
    test: float = Field(gt=0, lt=1)
    """Share that is not trained on, and that scores are computed on."""

    @model_validator(mode="after")
    def _some_left(self) -> "Shares":
        if self.val + self.test >= 1:
            raise ValueError("val and test: leave a share to train on: their sum must be below 1")
        return self

    def split_of(self, row: Mapping[str, Any]) -> str:
        """Where a row belongs."""
        text = unicodedata.normalize("NFKC", str(row.get("input")))
        # Before: texts of JSON may have no line ends and tabs, but these are spaces here.
        text = " ".join(text.split())
        # Once more: accents may have been written as escapes.
        text = unicodedata.normalize("NFKC", _in_one_form(text))
        words = " ".join(text.casefold().split())
        digest = hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()
        place = int(digest[: BITS // 4], 16) / 2**BITS
        if place < self.test:
            return "test"
        return "val" if place < self.test + self.val else "train"


def _in_one_form(text: str) -> str:
    """JSON as Python writes it, so that records which are written so stay where they are; any other
    text as it is."""
    if text.startswith(("{", "[")):
        # `True` and `NONE` are no JSON, but differ from it only in case.
        for form in (text, text.casefold()):
            with suppress(ValueError, RecursionError):
                return json.dumps(json.loads(form), ensure_ascii=False)
    return text
