"""Finished batches of a prediction job, which survive a kill."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import ConfigDict

from ecslm.prediction.backend import Generated
from ecslm.prediction.kept_lines import KeptLine, add_line, sound_lines


class _Batch(KeptLine):
    """The answers to the prompts of a batch, in their order."""

    model_config = ConfigDict(strict=True)

    batch: int
    seconds: float
    answers: list[Generated]


class FinishedBatches:
    """A file with a line for each batch."""

    def __init__(self, path: Path, sizes: Sequence[int]) -> None:
        """
        Args:
            sizes: the number of prompts in each batch of the job.
        """
        self._path = path
        self._found = {
            one.batch: one
            for one, _ in sound_lines(path, _Batch)
            if one and 0 <= one.batch < len(sizes) and len(one.answers) == sizes[one.batch]
        }

    def __contains__(self, batch: int) -> bool:
        return batch in self._found

    def add(self, batch: int, answers: Sequence[Generated], seconds: float) -> None:
        """Record a batch's answers and how long it took."""
        line = _Batch(batch=batch, seconds=seconds, answers=list(answers))
        add_line(self._path, line)
        self._found[batch] = line

    def answers(self, batch: int) -> list[Generated]:
        """The answers of a finished batch, in the order of its prompts."""
        return self._found[batch].answers

    def seconds(self) -> float:
        """Seconds of generation of all finished batches, including those of killed runs."""
        return float(sum(line.seconds for line in self._found.values()))
