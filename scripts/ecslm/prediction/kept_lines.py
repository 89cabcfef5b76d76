"""Lines of a file that each are on the disk as soon as they are added: batches, paid answers.

A kill or a power failure may damage some. They are passed over, so that what they had is made
again, and stay, since a person may fix them.
"""

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from ecslm.common.files import json_line

log = logging.getLogger(__name__)


Line = TypeVar("Line", bound=BaseModel)


def add_line(path: Path, line: BaseModel) -> None:
    """Add a line, by one process at a time, in a way that survives a power failure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as stream:
        stream.seek(max(0, stream.tell() - 1))
        # A process may have been killed in the middle of a line.
        begin = "" if stream.read() in (b"", b"\n") else "\n"
        stream.write(f"{begin}{json_line(line)}".encode())
        stream.flush()
        os.fsync(stream.fileno())


def sound_lines(path: Path, form: type[Line]) -> Iterator[Line]:
    """The lines as they were written; one that another process is still writing is not read."""
    *lines, _unfinished = path.read_bytes().split(b"\n") if path.exists() else [b""]
    for number, text in enumerate(lines, start=1):
        try:
            if text.strip():
                yield form.model_validate_json(text)
        except ValidationError:
            log.warning("%s: line %d is damaged", path, number)
