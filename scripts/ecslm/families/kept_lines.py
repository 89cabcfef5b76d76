"""Lines of a file that each are on the disk as soon as they are added: batches, paid answers.

A kill, a power failure or a bad disk may damage some. They are passed over, so that what they had
is made again, and stay, since a person may fix them.
"""

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Self, TypeVar

from pydantic import ValidationError

from ecslm.common.files import json_line
from ecslm.common.hashing import canonical_json, sha256_of_text
from ecslm.schemas.settings import Closed

log = logging.getLogger(__name__)


class KeptLine(Closed):
    """A line; `sha256` is of all other values."""

    sha256: str = ""

    def sealed(self) -> Self:
        """The line with its digest."""
        values = self.model_dump(mode="json", exclude={"sha256"}).values()
        return self.model_copy(update={"sha256": sha256_of_text(canonical_json([*values]))})

    @classmethod
    def sound(cls, text: bytes) -> Self | None:
        """The line in a text; None if it is not as it was written."""
        try:
            line = cls.model_validate_json(text)
        except ValidationError:
            return None
        return line if line == line.sealed() else None


Line = TypeVar("Line", bound=KeptLine)


def add_line(path: Path, line: KeptLine) -> None:
    """Add a line, by one process at a time, in a way that survives a power failure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as stream:
        stream.seek(max(0, stream.tell() - 1))
        # A process may have been killed in the middle of a line.
        begin = "" if stream.read() in (b"", b"\n") else "\n"
        stream.write(f"{begin}{json_line(line.sealed())}".encode())
        stream.flush()
        os.fsync(stream.fileno())


def sound_lines(path: Path, form: type[Line]) -> Iterator[Line]:
    """The lines as they were written; one that another process is still writing is not read."""
    *lines, _unfinished = path.read_bytes().split(b"\n") if path.exists() else [b""]
    for number, text in enumerate(lines, start=1):
        if (line := form.sound(text)) is not None:
            yield line
        elif text.strip():
            log.warning("%s: line %d is damaged", path, number)
