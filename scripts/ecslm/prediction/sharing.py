"""A backend in the process that holds the model for the jobs of a run, see `common/worker`.

Prompts and answers are made there, all else in the job. Both sides run the same code, since that
process is a fork of a job, and is joined only by jobs with its code, libraries and device.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from ecslm.common.hashing import canonical_json, sha256_of_file
from ecslm.common.versions import LOCK_FILE
from ecslm.common.worker.client import Channel, ask, join
from ecslm.prediction.backend import Backend, Generated, Request
from ecslm.schemas.record import Record

Open = Callable[[Request[Any]], Backend[Any]]


def shared_backend(
    request: Request[Any], form: TypeAdapter[Request[Any]], open_backend: Open
) -> "SharedBackend | None":
    """The backend in the run's process; None if this job has to load the model itself.

    Args:
        form: of the request, to hand it on as JSON.
        open_backend: opens the backend of a request there.

    Raises:
        InputError: the request cannot be fulfilled.
        WorkerLostError: the process has ended.
    """
    if request.worker_code is None:
        return None
    process = {
        "code": request.worker_code,
        # A job needs some of the libraries alone, but its process serves others too.
        "lock": sha256_of_file(LOCK_FILE),
        "device": request.device,
        "threads": request.threads,
        "folder": str(Path.cwd()),
    }
    channel = _joined(canonical_json(process), form, open_backend)
    if channel is None:
        return None
    ask(channel, ["open", form.dump_python(request, mode="json")])
    return SharedBackend(channel)


@cache
def _joined(process: str, form: TypeAdapter[Request[Any]], open_backend: Open) -> Channel | None:
    """This job's conversation, until it ends."""
    return join(process, lambda: Session(form, open_backend))


@dataclass(frozen=True)
class SharedPrompt:
    """A prompt that the process holds under a number."""

    number: int
    text: str | None
    truncated: bool | None


class SharedBackend:
    """Asks the process. Any call may raise `WorkerLostError`."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def prompts(self, records: Sequence[Record]) -> list[SharedPrompt]:
        """As `Backend.prompts`."""
        found = self._ask("prompts", [record.model_dump(mode="json") for record in records])
        return [SharedPrompt(number, *fields) for number, fields in enumerate(found)]

    def batches(self, prompts: Sequence[SharedPrompt]) -> list[list[int]]:
        """As `Backend.batches`."""
        batches: list[list[int]] = self._ask("batches", _numbers(prompts))
        return batches

    def load(self) -> None:
        """Load the model, unless it is there."""
        self._ask("load")

    def generate(self, prompts: Sequence[SharedPrompt], batch: int) -> list[Generated]:
        """As `Backend.generate`."""
        answers = self._ask("generate", _numbers(prompts), batch)
        return [Generated(**answer) for answer in answers]

    def cost(self) -> Mapping[str, float | str | None]:
        """What the process has spent on this job."""
        cost: Mapping[str, float | str | None] = self._ask("cost")
        return cost

    def _ask(self, *message: Any) -> Any:
        return ask(self._channel, message)


class Session:
    """The other side of a `SharedBackend`."""

    def __init__(self, form: TypeAdapter[Request[Any]], open_backend: Open) -> None:
        self._form, self._open = form, open_backend

    def answer(self, message: Sequence[Any]) -> Any:
        """Answer a message of the job.

        Raises:
            InputError: as the backend.
        """
        match message:
            case ["open", request]:
                self._backend = self._open(self._form.validate_python(request))
                return None
            case ["prompts", rows]:
                self._prompts = self._backend.prompts([Record(**row) for row in rows])
                return [[prompt.text, prompt.truncated] for prompt in self._prompts]
            case ["batches", numbers]:
                return self._backend.batches(self._numbered(numbers))
            case ["load"]:
                return self._backend.load()
            case ["generate", numbers, batch]:
                answers = self._backend.generate(self._numbered(numbers), batch)
                return [asdict(answer) for answer in answers]
            case ["cost"]:
                return dict(self._backend.cost())
        raise AssertionError(f"unknown message: {message}")

    def _numbered(self, numbers: Sequence[int]) -> list[Any]:
        return [self._prompts[number] for number in numbers]


def _numbers(prompts: Sequence[SharedPrompt]) -> list[int]:
    return [prompt.number for prompt in prompts]
