"""Answering the records of a job, in its own process or in the one that holds the model for the
jobs of a run, see `common/worker`.

Prompts and answers are made there, all else in the job. Both sides run the same code, since that
process is a fork of a job, and is joined only by jobs with its code, libraries and device.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter

from ecslm.common.environment import LOCK_FILE
from ecslm.common.hashing import canonical_json, sha256_of_file
from ecslm.common.worker import WorkerLostError, join
from ecslm.prediction.backend import Request, backend_class
from ecslm.schemas.record import Record

log = logging.getLogger(__name__)

Result = TypeVar("Result")
Ask = Callable[[Sequence[Any]], Any]
"""Returns the answer to a message, see `Session`."""


class Session:
    """Answers the messages of a job. They are JSON, as are the answers:

    - what `opening` returns: text and `truncated` of all prompts, and the batches; the model is
      loaded then.
    - `["generate", number]`: the fields of `Generated` of each answer to a batch.
    - `["cost"]`: what `Backend.cost` returns.
    """

    def answer(self, message: Sequence[Any]) -> Any:
        """The answer to a message.

        Raises:
            InputError: as the backend.
        """
        match message:
            case ["open", given, rows]:
                backend = backend_class(given["settings"]["backend"])
                self._backend = backend(_form(backend.SETTINGS).validate_python(given))
                self._prompts = self._backend.prompts([Record(**row) for row in rows])
                self._batches = self._backend.batches(self._prompts)
                self._backend.load()
                return [[one.text, one.truncated] for one in self._prompts], self._batches
            case ["generate", number]:
                prompts = [self._prompts[index] for index in self._batches[number]]
                return [asdict(one) for one in self._backend.generate(prompts, number)]
            case ["cost"]:
                return dict(self._backend.cost())
        raise AssertionError(f"unknown message: {message}")


def opening(request: Request[Any], records: Sequence[Record]) -> list[Any]:
    """The message that has the records answered."""
    given = _form(type(request.settings)).dump_python(request, mode="json")
    return ["open", given, [record.model_dump(mode="json") for record in records]]


def _form(settings: type) -> TypeAdapter[Request[Any]]:
    return TypeAdapter(Request[settings])  # type: ignore[valid-type]


def with_session(
    worker_code: str | None, device: str, threads: int, work: Callable[[Ask], Result]
) -> Result:
    """Do work with a session: in the process of the run or, if there is none, in this one.

    If that process ends, the work is done again in this one.

    Args:
        worker_code: digest of the code of the process; None: the job loads the model itself.
    """
    if worker_code is not None:
        process = {
            "code": worker_code,
            # A job needs some of the libraries alone, but its process serves others too.
            "lock": sha256_of_file(LOCK_FILE),
            "device": device,
            "threads": threads,
            "folder": str(Path.cwd()),
        }
        try:
            if worker := join(canonical_json(process), lambda: Session().answer):
                return work(worker.ask)
        except WorkerLostError as error:
            log.warning("%s: this job loads the model itself", error)
    return work(Session().answer)
