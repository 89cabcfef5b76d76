"""The letters that answers refer to options and products by."""

import re
from collections.abc import Sequence
from string import ascii_uppercase

OPTION = re.compile(r"\s*([A-Za-z])\s*:(.*)", re.DOTALL)
"""An option: its letter, and its text."""


def product_letters(labels: Sequence[str] | None) -> str:
    """The letters of a ranking record's products, in order, by their relevance labels."""
    return ascii_uppercase[: len(labels or ())]
