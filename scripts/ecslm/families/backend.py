"""The interface of backends, which answer prompts.

A backend `name` is the module `ecslm.families.{name}.backend`, found and loaded by name. It must
be fast to import, and has a `BACKEND`: a subclass of `Backend`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel

from ecslm.common.errors import InputError, Problem, refuse
from ecslm.common.files import read_settings
from ecslm.families.settings import PredictionSettings, module_name
from ecslm.models.prompts import PromptTemplate
from ecslm.schemas.prediction import FinishReason
from ecslm.schemas.record import Record
from ecslm.script import Device

DEFAULT = "transformers"

SomeSettings = TypeVar("SomeSettings", bound=PredictionSettings)


@dataclass(frozen=True, kw_only=True)
class AskedModel:
    """Which model is to answer, and where. What a backend does not need may be missing.

    Args:
        model: name of the model, which must be that of the adapter (default: any)
        base: manifest.json of the base weights, as results/bases/NAME/manifest.json; for a server
            that is started, that of an exported model
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
        return PromptTemplate(required(self.template), self.template_digest)


def backend_class(backend: str) -> "type[Backend[Any, Any]]":
    """Load a backend.

    Raises:
        InputError: there is none with this name.
    """
    try:
        found: type[Backend[Any, Any]] = import_module(module_name(backend)).BACKEND
    except ModuleNotFoundError:
        raise InputError(Problem(f"unknown {backend!r}", "--settings", field="backend")) from None
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


@dataclass(frozen=True, kw_only=True)
class Request(AskedModel):
    """How a model is to answer.

    Args:
        settings: the backend and what it needs: JSON or @FILE
        answers: files of answers that exist already
        train: records of the task to learn from (JSON Lines)
        val: records of the task to choose settings by (JSON Lines)
        batch_tokens: most tokens in a batch, padding included; --settings takes precedence
        access: how a server is reached, and its budget: JSON or @FILE; no answer depends on it
    """

    # Of the class that the backend has.
    settings: Annotated[Any, read_prediction_settings]
    answers: Sequence[Path] = ()
    train: Path | None = None
    val: Path | None = None
    batch_tokens: int = 4000
    access: str | None = None


def required(path: Path | None) -> Path:
    """The path, which must be given: `Backend.NEEDS`, or the script, has required it."""
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


UNUSABLE = Generated("", None, None, None)
"""A reply that is no answer, which counts as an invalid one."""


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
    """Fields of a request that it cannot do without."""
    LOCAL: ClassVar[bool] = False
    """Whether it computes answers with a model in the job, so that device, threads and batches
    count, and jobs of a run share what is loaded."""
    KNOWS_RECORDS: ClassVar[bool] = False
    """Whether it is given whole records, with right answers, to match answers to them."""

    def __init__(self, request: Request) -> None:
        """
        Raises:
            InputError: the request lacks what the backend needs.
        """
        self._request = request
        self._settings: SomeSettings = request.settings
        missing = (one for one in self.NEEDS if not getattr(request, one))
        refuse(f"--{one}: missing: backend {self._settings.backend} needs it" for one in missing)

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
