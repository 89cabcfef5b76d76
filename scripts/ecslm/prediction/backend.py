"""The interface of backends, which answer prompts.

A backend `name` is the module `ecslm.prediction.{name}_backend`, found and loaded by name.
"""

import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, cast

from pydantic import BaseModel

import ecslm.prediction
from ecslm.common.cli import read_settings
from ecslm.common.errors import InputError, Problem
from ecslm.common.text import nearest
from ecslm.models.prompts import PromptTemplate
from ecslm.prediction.settings import PredictionSettings
from ecslm.schemas.prediction import FinishReason
from ecslm.schemas.record import Record

SUFFIX = "_backend"
DEFAULT = "transformers"


SomeSettings = TypeVar("SomeSettings", bound=PredictionSettings, covariant=True)
Given = TypeVar("Given")


@dataclass(frozen=True)
class Request(Generic[SomeSettings]):
    """Which model is to answer, and how. What a backend does not need may be missing."""

    settings: SomeSettings
    model: str | None = None
    base: Path | None = None
    adapter: Path | None = None
    adapter_of: str | None = None
    """The model that the adapter was trained as; None accepts any."""
    answers: tuple[Path, ...] = ()
    """Files of answers that exist already."""
    train: Path | None = None
    """Records of the task to learn from."""
    val: Path | None = None
    """Records to choose settings by."""
    template: Path | None = None
    template_digest: str | None = None
    """Of the template when the job began."""
    batch_tokens: int = 0
    """0: prompts are alone in their batch."""
    seed: int = 0
    device: str = "cpu"
    threads: int = 1
    """Threads on a CPU."""
    access: str | None = None
    """How the model's server is reached, as JSON or `@file`; no answer depends on it."""
    worker_code: str | None = None
    """Digest of the code of the process that holds the model for the jobs of a run; None: the job
    loads the model itself."""

    def prompt_template(self) -> PromptTemplate:
        """The template of prompts.

        Raises:
            InputError: it was not given, is invalid, or has changed since the job began.
        """
        path = needed(self.template, "template", self.settings.backend)
        return PromptTemplate(path, self.template_digest)

    def refuse(self, *options: str) -> None:
        """Refuse options that have no meaning for a backend.

        Raises:
            InputError: a line for each that was given.
        """
        given = [option for option in options if getattr(self, option)]
        if given:
            reason = f"backend {self.settings.backend} takes none: leave it out"
            raise InputError(*(f"--{option}: {reason}" for option in given))


def needed(value: Given | None, option: str, backend: str) -> Given:
    """The value of an option that a backend cannot do without.

    Raises:
        InputError: it was not given.
    """
    if value is None:
        raise InputError(f"--{option}: missing: backend {backend} needs it")
    return value


@dataclass(frozen=True)
class Generated:
    """An answer as text, token counts of its prompt and of itself, and why it ended: the model
    ended it, the token limit did, or a content filter withheld it. None where nobody knows."""

    text: str
    prompt_tokens: int | None
    tokens: int | None
    finish_reason: FinishReason | None


class Prompt(Protocol):
    """A prompt; a backend may store more than its text."""

    @property
    def text(self) -> str | None:
        """The whole prompt; None where nobody knows it."""

    @property
    def truncated(self) -> bool | None:
        """Whether the record's input was cut to fit; None where nobody knows."""


SomePrompt = TypeVar("SomePrompt", bound=Prompt)


class Backend(Protocol[SomePrompt]):
    """A model that was checked against the request. Only `load` loads it.

    A job that was killed asks for prompts and batches again and must get the same ones.
    """

    def prompts(self, records: Sequence[Record], /) -> list[SomePrompt]:
        """The prompt of each record.

        Raises:
            InputError: a prompt does not fit.
        """

    def batches(self, prompts: Sequence[SomePrompt], /) -> list[list[int]]:
        """Batches of prompts that are answered together, as lists of indices."""

    def load(self) -> None:
        """Load the model, before the first answer.

        Raises:
            InputError: the model cannot be loaded.
        """

    def generate(self, prompts: Sequence[SomePrompt], batch: int, /) -> list[Generated]:
        """Answer the prompts of a batch, in order. Repeating the call gives the same answers.

        Raises:
            InputError: the model cannot answer, for example because it is out of memory.
        """

    def cost(self) -> Mapping[str, float | str | None]:
        """The cost since the model was loaded, other than seconds and tokens; keys of what
        `prediction_cost` has replace its values."""


class BackendModule(Protocol):
    """What a module `ecslm.prediction.{name}_backend` has. It must be fast to import."""

    SETTINGS: type[PredictionSettings]
    """The schema of its settings."""

    def libraries(self, settings: Any, /, tuned: bool) -> tuple[str, ...]:
        """Libraries whose versions can change a prediction; `tuned`: there is an adapter."""

    def identity(self, request: Request[Any], /) -> Any:
        """A JSON value that tells the model from all others, by content and not by paths.

        Finished predictions of an equal identity are taken from the cache, without the model.

        Raises:
            InputError: the request lacks what the backend needs or has what it does not take, the
                manifest of the model is missing or invalid, or its files are altered.
        """

    def open_backend(self, request: Request[Any], /) -> Backend[Any]:
        """Check a request, as far as possible without loading the model, and return its backend.

        Raises:
            InputError: the request cannot be fulfilled.
            WorkerLostError: the process that holds the model for the run has ended; so may all
                calls of the backend raise. Opened again, without `worker_code`, the backend goes on
                with the next batch.
        """


def module_name(backend: str) -> str:
    """The full name of a backend's module."""
    return f"{ecslm.prediction.__name__}.{backend}{SUFFIX}"


def modules_of(settings: PredictionSettings) -> tuple[str, ...]:
    """The full names of the modules that prediction loads by name."""
    return (module_name(settings.backend), *settings.modules())


def backend_module(backend: str) -> BackendModule:
    """Load the module of a backend.

    Raises:
        InputError: there is no backend with this name.
    """
    modules = [module.name for module in pkgutil.iter_modules(ecslm.prediction.__path__)]
    names = [name.removesuffix(SUFFIX) for name in modules if name.endswith(SUFFIX)]
    if backend not in names:
        message = f"unknown {backend!r}{nearest(backend, names)}"
        raise InputError(Problem(message, "--settings", field="backend"))
    return cast(BackendModule, import_module(module_name(backend)))


class _OfBackend(BaseModel):
    backend: str = DEFAULT


def read_prediction_settings(argument: str | None) -> PredictionSettings:
    """The value of `--settings` (JSON or `@file`), validated by the schema of its backend.

    Raises:
        InputError: there is no such backend, or the settings do not fit its schema.
    """
    backend = read_settings(argument, _OfBackend).backend
    return read_settings(argument, backend_module(backend).SETTINGS)
