"""The backend that learns from a task's training records with scikit-learn.

It reads of a test record no more than input and options.
"""

import platform
import resource
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from ecslm.common.errors import InputError, Problem
from ecslm.common.hashing import sha256_of_file
from ecslm.families.backend import Backend, Generated, Prompt, required
from ecslm.families.settings import PredictionSettings
from ecslm.schemas.record import Record, read_records, share_of
from ecslm.schemas.task import TaskKind

Method = Literal["tf-idf", "nearest"]


class LearnedSettings(PredictionSettings):
    """What learns, and from how many of the task's training records."""

    LIBRARIES: ClassVar[tuple[str, ...]] = ("scikit-learn", "scipy", "numpy")

    backend: Literal["learned"]
    method: Method
    task: TaskKind
    train_fraction: float = Field(1.0, gt=0, le=1)


class LearnedBackend(Backend[LearnedSettings, Prompt]):
    """Learns at load; it is its own loaded model."""

    SETTINGS = LearnedSettings
    NEEDS = ("train", "val")

    @property
    def _files(self) -> tuple[Path, Path]:
        return required(self._request.train), required(self._request.val)

    def identity(self) -> list[str]:
        """The sha256 of the files that it learns from."""
        return list(map(sha256_of_file, self._files))

    def prompts(self, records: Sequence[Record]) -> list[Prompt]:
        """The records."""
        return list(map(Prompt, records))

    def load(self) -> None:
        """Learn.

        Raises:
            InputError: a file is missing, altered or invalid.
        """
        # Here: a job with finished predictions need not import scikit-learn.
        from ecslm.families.learned.learning import learn

        train, val = map(read_records, self._files)
        self._tasks = {record.task for record in (*train, *val)}
        settings = self._request.settings
        share = share_of(train, settings.train_fraction)
        self._answers = learn(settings.method, settings.task, share, val)

    def generate(self, prompts: Sequence[Prompt], batch: int) -> list[Generated]:  # noqa: ARG002
        """The answers, which have no tokens.

        Raises:
            InputError: it has learned another task.
        """
        if wrong := self._tasks - {prompt.record.task for prompt in prompts}:
            told = f"has records of {', '.join(sorted(wrong))}, which is not the task to answer"
            raise InputError(Problem(told, "--train or --val"))
        texts = self._answers([prompt.record for prompt in prompts])
        return [Generated(text, None, None, "stop") for text in texts]

    def cost(self) -> Mapping[str, float | str | None]:
        """The device, and the peak memory of the process."""
        return {
            "device": f"{platform.machine()} CPU, 1 thread",
            "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "energy_joules": None,
        }


BACKEND = LearnedBackend
