"""Finished batches of a prediction job, which survive a kill."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from ecslm.common.files import json_line, write_jsonl
from ecslm.common.hashing import canonical_json, sha256_of_text
from ecslm.prediction.backend import Generated

log = logging.getLogger(__name__)


class _Line(BaseModel):
    """A line of the file: the answers to the prompts of a batch, in their order."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    batch: int
    seconds: float
    answers: list[Generated]
    sha256: str = ""

    def digest(self) -> str:
        """Digest of all other fields."""
        return sha256_of_text(canonical_json(self.model_dump(exclude={"sha256"})))


class FinishedBatches:
    """An append-only file with one line per batch.

    Lines that a kill, a power failure or a bad disk damaged are dropped, so that their batches are
    computed again.
    """

    def __init__(self, path: Path, sizes: Sequence[int]) -> None:
        """
        Args:
            sizes: the number of prompts in each batch of the job.
        """
        self._path = path
        content = path.read_bytes() if path.exists() else b""
        found = [_sound_line(line, sizes) for line in content.split(b"\n") if line]
        self._lines = {line.batch: line for line in found if line is not None}
        rows = self._lines.values()
        if "".join(map(json_line, rows)).encode() != content:
            log.warning("%s: %d damaged lines dropped", path, len(found) - len(rows))
            write_jsonl(path, rows)

    def __contains__(self, batch: int) -> bool:
        return batch in self._lines

    def add(self, batch: int, answers: Sequence[Generated], seconds: float) -> None:
        """Record a batch's answers and how long it took, in a way that survives a power failure."""
        line = _Line(batch=batch, seconds=seconds, answers=list(answers))
        line = line.model_copy(update={"sha256": line.digest()})
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(json_line(line))
            stream.flush()
            os.fsync(stream.fileno())
        self._lines[batch] = line

    def answers(self, batch: int) -> list[Generated]:
        """The answers of a finished batch, in the order of its prompts."""
        return self._lines[batch].answers

    def seconds(self) -> float:
        """Seconds of generation of all finished batches, including those of killed runs."""
        return float(sum(line.seconds for line in self._lines.values()))


def _sound_line(text: bytes, sizes: Sequence[int]) -> _Line | None:
    """The line if it is as it was written, for a batch of this job; otherwise None."""
    try:
        line = _Line.model_validate_json(text)
    except ValidationError:
        return None
    known = 0 <= line.batch < len(sizes) and len(line.answers) == sizes[line.batch]
    return line if known and line.sha256 == line.digest() else None
