"""The backend that learns from a task's training records with scikit-learn.

It reads of a test record no more than input and options.
"""

import platform
import resource
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ecslm.common.hashing import sha256_of_file
from ecslm.prediction.backend import Generated, Request, needed
from ecslm.prediction.learned_settings import LIBRARIES, LearnedSettings
from ecslm.schemas.record import Record, read_records, share_of

SETTINGS = LearnedSettings
LearnedRequest = Request[LearnedSettings]


def libraries(_settings: LearnedSettings, tuned: bool) -> tuple[str, ...]:  # noqa: ARG001
    """What computes features and fits."""
    return LIBRARIES


def identity(request: LearnedRequest) -> dict[str, str]:
    """The sha256 of the files that it learns from.

    Raises:
        InputError: one is missing, or there is what only other backends need.
    """
    request.refuse("base", "adapter", "answers", "template", "access")
    return {path.name: sha256_of_file(path) for path in _files(request)}


def open_backend(request: LearnedRequest) -> "LearnedBackend":
    """The records to learn from as a backend.

    Raises:
        InputError: a file is missing, altered or invalid.
    """
    train, val = (read_records(path) for path in _files(request))
    return LearnedBackend(request.settings, train, val)


def _files(request: LearnedRequest) -> tuple[Path, Path]:
    backend = request.settings.backend
    return needed(request.train, "train", backend), needed(request.val, "val", backend)


@dataclass(frozen=True)
class Asked:
    """A record in place of its prompt."""

    record: Record
    text: None = None
    truncated: None = None


class LearnedBackend:
    """Learns at load; it is its own loaded model."""

    def __init__(
        self, settings: LearnedSettings, train: Sequence[Record], val: Sequence[Record]
    ) -> None:
        self._settings, self._train, self._val = settings, train, val

    def prompts(self, records: Sequence[Record]) -> list[Asked]:
        """The records."""
        return list(map(Asked, records))

    def batches(self, prompts: Sequence[Asked]) -> list[list[int]]:
        """All at once."""
        return [list(range(len(prompts)))]

    def load(self) -> None:
        """Learn."""
        # Here: a job with finished predictions need not import scikit-learn.
        from ecslm.prediction.learned.learning import learn

        share = share_of(self._train, self._settings.train_fraction)
        self._answers = learn(self._settings.method, self._settings.task, share, self._val)

    def generate(self, prompts: Sequence[Asked], _batch: int) -> list[Generated]:
        """The answers, which have no tokens."""
        texts = self._answers([prompt.record for prompt in prompts])
        return [Generated(text, None, None, "stop") for text in texts]

    def cost(self) -> Mapping[str, float | str | None]:
        """The device, and the peak memory of the process."""
        return {
            "device": f"{platform.machine()} CPU, 1 thread",
            "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "energy_joules": None,
        }
