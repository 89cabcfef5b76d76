"""The interface of backends, which answer prompts.

A backend `name` is the module `ecslm.prediction.{name}_backend`, found and loaded by name. It must
be fast to import, and has a `BACKEND`: a subclass of `Backend`.
"""

import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel

import ecslm.prediction
from ecslm.common.errors import InputError, Problem
from ecslm.common.files import read_settings
from ecslm.common.text import nearest
from ecslm.models.prompts import PromptTemplate
from ecslm.prediction.settings import PredictionSettings, module_name
from ecslm.schemas.prediction import FinishReason
from ecslm.schemas.record import Record
from ecslm.script import Device

SUFFIX = "_backend"
DEFAULT = "transformers"

# What a backend may need or take, or has no use for.
OPTIONS = ("base", "adapter", "answers", "train", "val", "template", "access")

SomeSettings = TypeVar("SomeSettings", bound=PredictionSettings, covariant=True)


@dataclass(frozen=True, kw_only=True)
class AskedModel:
    """Which model is to answer, and where. What a backend does not need may be missing.

    Args:
        model: name of the model, which must be that of the adapter (default: any)
        base: manifest.json of the base weights, as results/bases/NAME/manifest.json
        adapter: manifest.json of the adapter, if it has one
        adapter_of: name of the model that the adapter was trained as (default: --model)
        template: Jinja file of the prompt, as in resources/prompts
        template_digest: set by a run: digest of the template; another template is refused
        seed: seed of sampled decoding, and of the adapter
        device: where to compute
        threads: CPU threads; the number decides how sums are rounded
    """

    model: str | None = None
    base: Path | None = None
    adapter: Path | None = None
    adapter_of: str | None = None
    template: Path | None = None
    template_digest: str | None = None
    seed: int = 0
    device: Device = "cpu"
    threads: int = 2

    def prompt_template(self) -> PromptTemplate:
        """The template of prompts.

        Raises:
            InputError: it is invalid, or has changed since the job began.
        """
        return PromptTemplate(there(self.template), self.template_digest)


@dataclass(frozen=True, kw_only=True)
class Request(AskedModel, Generic[SomeSettings]):
    """How a model is to answer."""

    settings: SomeSettings
    answers: tuple[Path, ...] = ()
    """Files of answers that exist already."""
    train: Path | None = None
    """Records of the task to learn from."""
    val: Path | None = None
    """Records to choose settings by."""
    batch_tokens: int = 0
    """0: prompts are alone in their batch."""
    access: str | None = None
    """How the model's server is reached, as JSON or `@file`; no answer depends on it."""


def there(path: Path | None) -> Path:
    """A file that `Backend.NEEDS` has required, or the script."""
    assert path is not None, "the backend needs it"
    return path


@dataclass(frozen=True)
class Generated:
    """An answer as text, token counts of its prompt and of itself, and why it ended: the model
    ended it, the token limit did, or a content filter withheld it. None where nobody knows."""

    text: str
    prompt_tokens: int | None
    tokens: int | None
    finish_reason: FinishReason | None


@dataclass(frozen=True)
class Prompt:
    """A record as the model is asked it; a backend may store more."""

    record: Record
    text: str | None = None
    """The whole prompt; None where nobody knows it."""
    truncated: bool | None = None
    """Whether the record's input was cut to fit; None where nobody knows."""


SomePrompt = TypeVar("SomePrompt", bound=Prompt)


class Backend(ABC, Generic[SomeSettings, SomePrompt]):
    """A model that answers prompts. Only `load` loads it.

    A job that was killed asks for prompts and batches again and must get the same ones.
    """

    SETTINGS: ClassVar[type[PredictionSettings]]
    """The schema of its settings."""
    NEEDS: ClassVar[tuple[str, ...]] = ()
    """Those of `OPTIONS` that it cannot do without."""
    TAKES: ClassVar[tuple[str, ...]] = ()
    """Those that it has a use for."""
    LOCAL: ClassVar[bool] = False
    """Whether it computes answers with a model in the job, so that device, threads and batches
    count, and jobs of a run share what is loaded."""
    KNOWS_RECORDS: ClassVar[bool] = False
    """Whether it is given whole records, with right answers, to match answers to them."""

    def __init__(self, request: Request[SomeSettings]) -> None:
        """
        Raises:
            InputError: the request lacks what the backend needs or has what it does not take.
        """
        self._request = request
        name, given = request.settings.backend, [one for one in OPTIONS if getattr(request, one)]
        problems = [
            f"--{one}: missing: backend {name} needs it" for one in self.NEEDS if one not in given
        ]
        problems += [
            f"--{one}: backend {name} takes none: leave it out"
            for one in given
            if one not in (*self.NEEDS, *self.TAKES)
        ]
        if problems:
            raise InputError(*problems)

    @staticmethod
    def libraries(settings: Any, tuned: bool) -> tuple[str, ...]:  # noqa: ARG004
        """Libraries whose versions can change a prediction; `tuned`: there is an adapter."""
        return ()

    @abstractmethod
    def identity(self) -> Any:
        """A JSON value that tells the model from all others, by content and not by paths.

        Finished predictions of an equal identity are taken from the cache, without the model.

        Raises:
            InputError: the manifest of the model is missing or invalid, or its files are altered.
        """

    @abstractmethod
    def prompts(self, records: Sequence[Record]) -> list[SomePrompt]:
        """The prompt of each record.

        Raises:
            InputError: a prompt does not fit, or the model cannot be used here.
        """

    def batches(self, prompts: Sequence[SomePrompt]) -> list[list[int]]:
        """Batches of prompts that are answered together, as lists of indices: all at once."""
        return [list(range(len(prompts)))]

    def load(self) -> None:
        """Load the model, before the first answer: nothing.

        Raises:
            InputError: the model cannot be loaded.
        """
        return

    @abstractmethod
    def generate(self, prompts: Sequence[SomePrompt], batch: int) -> list[Generated]:
        """Answer the prompts of a batch, in order. Repeating the call gives the same answers.

        Raises:
            InputError: the model cannot answer, for example because it is out of memory.
        """

    @abstractmethod
    def cost(self) -> Mapping[str, float | str | None]:
        """The cost since the model was loaded, other than seconds and tokens; keys of what
        `job_cost` is given replace its values."""


def backend_class(backend: str) -> type[Backend[Any, Any]]:
    """Load a backend.

    Raises:
        InputError: there is none with this name.
    """
    modules = (module.name for module in pkgutil.iter_modules(ecslm.prediction.__path__))
    names = [name.removesuffix(SUFFIX) for name in modules if name.endswith(SUFFIX)]
    if backend not in names:
        message = f"unknown {backend!r}{nearest(backend, names)}"
        raise InputError(Problem(message, "--settings", field="backend"))
    found: type[Backend[Any, Any]] = import_module(module_name(backend)).BACKEND
    return found


class _OfBackend(BaseModel):
    backend: str = DEFAULT


def read_prediction_settings(argument: str | None) -> PredictionSettings:
    """The value of `--settings` (JSON or `@file`), validated by the schema of its backend.

    Raises:
        InputError: there is no such backend, or the settings do not fit its schema.
    """
    backend = read_settings(argument, _OfBackend).backend
    return read_settings(argument, backend_class(backend).SETTINGS)
