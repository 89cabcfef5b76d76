"""Names that a configuration may give to its entries, which become parts of paths, or quote."""

from typing import Annotated

from pydantic import Field

# Files are called after them, with more words around, and a name of a file has at most 255 bytes.
MOST_CHARACTERS = 80

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
LINE = r"^[^\x00-\x1f\x7f]+$"

Name = Annotated[str, Field(pattern=NAME, max_length=MOST_CHARACTERS)]

# A name in the data, which may be of any characters.
Line = Annotated[str, Field(pattern=LINE, max_length=MOST_CHARACTERS)]
