"""A backend in the worker of the run: prompts and answers are made there, all else in the job.

The same code runs on both sides, since the worker is a fork of a job, and each side checks that the
other wants what it has.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ecslm.common.errors import InputError
from ecslm.common.hashing import sha256_of_file
from ecslm.common.versions import LOCK_FILE
from ecslm.common.worker.client import ask, join
from ecslm.common.worker.place import Channel
from ecslm.models.prompts import PromptTemplate, as_parameter
from ecslm.prediction.backend import (
    Backend,
    Generated,
    Request,
    Tell,
    backend_module,
)
from ecslm.schemas.record import Record

Open = Callable[[Request[Any]], Backend[Any]]
Identity = Callable[[Request[Any]], Any]


def shared_backend(
    request: Request[Any], identity: Identity, open_backend: Callable[[], Open]
) -> "SharedBackend | None":
    """The backend in the run's worker; None if this job has to load the model itself.

    Args:
        identity: a JSON value that tells what the worker has to load.
        open_backend: called in the worker, once; returns a function that opens the backend of a
            request there.

    Raises:
        InputError: the request cannot be fulfilled.
        WorkerLostError: the worker has ended.
    """
    run = request.run
    if run is None:
        return None
    process = {
        "code": run.code,
        # A job needs some of the libraries alone, but its process serves others too.
        "lock": sha256_of_file(LOCK_FILE),
        "device": request.device,
        "threads": request.threads,
        "folder": str(Path.cwd()),
    }
    content = {"model": identity(request), "versions": dict(run.versions)}
    sessions = Sessions(process, identity, open_backend)
    channel = join(run.name, process, content, sessions)
    if channel is None:
        return None
    found = ask(channel, {"open": _as_json(request)})
    if found != {"process": process, "model": content["model"]}:
        raise InputError("the model has changed since this job began: run again")
    return SharedBackend(channel)


@dataclass(frozen=True)
class SharedPrompt:
    """A prompt that the worker holds under a number."""

    number: int
    text: str | None
    truncated: bool | None


class SharedBackend:
    """Asks the worker. Any call may raise `WorkerLostError`."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def prompts(self, records: Sequence[Record]) -> list[SharedPrompt]:
        """The prompt of each record.

        Raises:
            InputError: a prompt does not fit.
        """
        rows = [record.model_dump(mode="json") for record in records]
        found = ask(self._channel, {"prompts": rows})
        return [SharedPrompt(number, *fields) for number, fields in enumerate(found)]

    def batches(self, prompts: Sequence[SharedPrompt]) -> list[list[int]]:
        """The batches of the backend in the worker."""
        batches: list[list[int]] = ask(self._channel, {"batches": _numbers(prompts)})
        return batches

    def load(self) -> "SharedModel":
        """Load the model, unless the worker has it.

        Raises:
            InputError: it cannot be loaded.
        """
        ask(self._channel, {"load": True})
        return SharedModel(self._channel)


class SharedModel:
    """A model that is loaded in the worker. Any call may raise `WorkerLostError`."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def generate(
        self, prompts: Sequence[SharedPrompt], batch: int, _answered: Tell
    ) -> list[Generated]:
        """Answer the prompts of one batch, in order.

        Raises:
            InputError: the model cannot answer.
        """
        answers = ask(self._channel, {"generate": _numbers(prompts), "batch": batch})
        return [Generated(**answer) for answer in answers]

    def cost(self) -> Mapping[str, float | str | None]:
        """What the worker has spent on this job."""
        cost: Mapping[str, float | str | None] = ask(self._channel, {"cost": True})
        return cost


class Sessions:
    """Makes the worker's sessions, which share what is loaded."""

    def __init__(
        self, process: Mapping[str, Any], identity: Identity, open_backend: Callable[[], Open]
    ) -> None:
        self._process, self._identity, self._open_backend = process, identity, open_backend
        self._open: Open | None = None

    def __call__(self) -> "Session":
        """A session for one job."""
        if self._open is None:
            self._open = self._open_backend()
        return Session(self._process, self._identity, self._open)


class Session:
    """The worker's side of a `SharedBackend` and its model."""

    def __init__(self, process: Mapping[str, Any], identity: Identity, open_: Open) -> None:
        self._process, self._identity, self._open = process, identity, open_

    def answer(self, message: Mapping[str, Any]) -> Any:
        """Answer a message of the job.

        Raises:
            InputError: as the backend.
        """
        match message:
            case {"open": fields}:
                request = _request(fields)
                self._backend = self._open(request)
                return {"process": self._process, "model": self._identity(request)}
            case {"prompts": rows}:
                self._prompts = self._backend.prompts([Record(**row) for row in rows])
                return [[prompt.text, prompt.truncated] for prompt in self._prompts]
            case {"batches": numbers}:
                return self._backend.batches([self._prompts[number] for number in numbers])
            case {"load": True}:
                self._model = self._backend.load()
                return None
            case {"generate": numbers, "batch": batch}:
                prompts = [self._prompts[number] for number in numbers]
                return list(map(asdict, self._model.generate(prompts, batch, lambda _: None)))
            case {"cost": True}:
                return dict(self._model.cost())
        raise AssertionError(f"unknown message: {message}")


def _numbers(prompts: Sequence[SharedPrompt]) -> list[int]:
    return [prompt.number for prompt in prompts]


def _paths(request: Request[Any]) -> dict[str, Path | None]:
    template = None if request.template is None else request.template.path
    return {"base": request.base, "adapter": request.adapter, "template": template}


def _as_json(request: Request[Any]) -> dict[str, Any]:
    return {
        "model": request.model,
        "adapter_of": request.adapter_of,
        **{name: path and str(path) for name, path in _paths(request).items()},
        "answers": list(map(str, request.answers)),
        "template_sha256": None if request.template is None else request.template.sha256,
        "settings": request.settings.model_dump(mode="json"),
        "batch_tokens": request.batch_tokens,
        "seed": request.seed,
        "device": request.device,
        "threads": request.threads,
    }


def _request(fields: Mapping[str, Any]) -> Request[Any]:
    """The request that a job has sent.

    Raises:
        InputError: the template has changed since then.
    """
    base, adapter, template = (
        None if fields[name] is None else Path(fields[name])
        for name in ("base", "adapter", "template")
    )
    settings, digest = fields["settings"], as_parameter(fields["template_sha256"])
    return Request(
        model=fields["model"],
        base=base,
        adapter=adapter,
        adapter_of=fields["adapter_of"],
        answers=tuple(map(Path, fields["answers"])),
        template=None if template is None else PromptTemplate(template, digest),
        settings=backend_module(settings["backend"]).SETTINGS.model_validate(settings),
        batch_tokens=fields["batch_tokens"],
        seed=fields["seed"],
        device=fields["device"],
        threads=fields["threads"],
    )
