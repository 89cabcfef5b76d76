"""Names that a configuration may give to its entries, which become parts of paths, or quote."""

import re
from collections.abc import Collection
from typing import Annotated

from pydantic import Field

from ecslm.common.errors import LINE, NAME
from ecslm.tables.references import Reference

# Files are called after them, with more words around, and a name of a file has at most 255 bytes.
MOST_CHARACTERS = 80
# Of a name that is made of a text, with room for a number.
MOST_TAKEN = 60
# Dots too: `x.cost` would be called like a file of `x`.
OTHERS = re.compile(r"[^A-Za-z0-9_-]+")

Name = Annotated[str, Field(pattern=NAME, max_length=MOST_CHARACTERS)]

# A name in the data, which may be of any characters.
Line = Annotated[str, Field(pattern=LINE, max_length=MOST_CHARACTERS)]


# Names of other entries of the configuration. Those of the study's own are types of
# `tables/references.py` too.
BaseName = Annotated[str, Reference("bases")]
TemplateName = Annotated[str, Reference("templates")]
RegisteredTask = Annotated[str, Reference("registered tasks")]


def name_like(text: str, taken: Collection[str], otherwise: str) -> str:
    """A name like a text, that no other is, even where capitals and small letters are the same.

    Args:
        otherwise: the name of a text without any letter or digit that a name may have.
    """
    plain = OTHERS.sub("_", text)[:MOST_TAKEN].strip("._-") or otherwise
    known = {other.lower() for other in taken}
    names = (plain, *(f"{plain}_{number}" for number in range(2, len(known) + 3)))
    return next(name for name in names if name.lower() not in known)
