"""Names that a configuration may give to its entries: they become parts of paths."""

from typing import Annotated

from pydantic import Field

# Files are called after them, with more words around, and a name of a file has at most 255 bytes.
MOST_CHARACTERS = 80

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=MOST_CHARACTERS)]
