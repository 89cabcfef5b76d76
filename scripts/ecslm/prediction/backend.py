"""The seam between predictions and what answers the prompts: a backend, a module loaded by name.

`ecslm.prediction.{name}_backend` is all that there is of the backend `name`.
"""

import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

import ecslm.prediction
from ecslm.common.errors import InputError, Problem
from ecslm.common.text import nearest
from ecslm.models.prompts import PromptTemplate
from ecslm.prediction.settings import PredictionSettings
from ecslm.schemas.record import Record

SUFFIX = "_backend"


@dataclass(frozen=True)
class Request:
    """What shall answer, and how."""

    base: Path
    adapter: Path | None
    template: PromptTemplate
    settings: PredictionSettings
    batch_tokens: int
    seed: int
    device: str


@dataclass(frozen=True)
class Generated:
    """An answer as text, and the tokens of its prompt and its own; `stopped` tells that the model
    ended it, not the token limit."""

    text: str
    prompt_tokens: int
    tokens: int
    stopped: bool


class Prompt(Protocol):
    """A prompt as its backend takes it, which may keep more of it than the text."""

    @property
    def text(self) -> str:
        """The whole prompt."""

    @property
    def truncated(self) -> bool:
        """Whether the record's input was cut to fit."""


SomePrompt = TypeVar("SomePrompt", bound=Prompt)
AnyPrompt = TypeVar("AnyPrompt", bound=Prompt, contravariant=True)


class LoadedModel(Protocol[AnyPrompt]):
    """A model that is ready to answer."""

    def generate(self, prompts: Sequence[AnyPrompt], batch: int, /) -> list[Generated]:
        """Answers to the prompts of a batch, in their order; the same whenever they are asked for.

        Raises:
            InputError: there are no answers, for example for lack of memory.
        """

    def cost(self) -> Mapping[str, float | str | None]:
        """What the answers have cost since it was loaded, beside seconds and tokens."""


class Backend(Protocol[SomePrompt]):
    """A model that is known to fit the request, but not loaded yet.

    A job that was killed asks for prompts and batches again, and must get the same.
    """

    def prompts(self, records: Sequence[Record], /) -> list[SomePrompt]:
        """The prompt of each record.

        Raises:
            InputError: a record has no prompt that fits.
        """

    def batches(self, prompts: Sequence[SomePrompt], /) -> list[list[int]]:
        """Indices of the prompts that are answered together, batch after batch."""

    def load(self) -> LoadedModel[SomePrompt]:
        """Load the model.

        Raises:
            InputError: it cannot be loaded.
        """


class BackendModule(Protocol):
    """The functions of a module `ecslm.prediction.{name}_backend`. Importing it costs little."""

    def libraries(self, settings: PredictionSettings, /, tuned: bool) -> tuple[str, ...]:
        """Libraries whose versions can change a prediction, with an adapter (tuned) or without."""

    def open_backend(self, request: Request, /) -> Backend[Any]:
        """The backend for a request, checked as far as it can be without loading the model.

        Raises:
            InputError: the request cannot be met.
        """


def module_name(backend: str) -> str:
    """The name of a backend's module."""
    return f"{ecslm.prediction.__name__}.{backend}{SUFFIX}"


def backend_module(backend: str) -> BackendModule:
    """The module of a backend.

    Raises:
        InputError: there is no backend of this name.
    """
    modules = [module.name for module in pkgutil.iter_modules(ecslm.prediction.__path__)]
    names = [name.removesuffix(SUFFIX) for name in modules if name.endswith(SUFFIX)]
    if backend not in names:
        message = f"unknown {backend!r}{nearest(backend, names)}"
        raise InputError(Problem(message, "--settings", field="backend"))
    return cast(BackendModule, import_module(module_name(backend)))
