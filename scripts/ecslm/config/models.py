"""Models of a study: an entry for each backend, and what the plan asks of it; and the names that a
configuration may give to its entries, which become parts of paths, or quote."""

import re
from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self, TypeVar

from pydantic import AfterValidator, BaseModel, Field, field_validator, model_validator

from ecslm.common.errors import LINE, NAME
from ecslm.comparisons.settings import unique
from ecslm.families.learned.backend import LearnedSettings, Method
from ecslm.families.openai.settings import (
    AccessSettings,
    Command,
    OpenAISettings,
    ServedSettings,
    ServerDecoding,
    ServerSettings,
)
from ecslm.families.recorded.backend import RecordedSettings
from ecslm.families.settings import (
    ANSWERED,
    DecodingSettings,
    LimitedAnswers,
    Normalization,
    PredictionSettings,
    TransformersSettings,
)
from ecslm.models.precision import Precision
from ecslm.schemas.references import SettingName, TaskName, TunedModelName, named_in
from ecslm.schemas.settings import Closed
from ecslm.schemas.task import TaskSettings, has_example
from ecslm.training.settings import TrainingSettings

Settings = TypeVar("Settings", bound=BaseModel)

# Files are called after them, with more words around, and a name of a file has at most 255 bytes.
MOST_CHARACTERS = 80
# Of a name that is made of a text, with room for a number.
MOST_TAKEN = 60
# Dots too: `x.cost` would be called like a file of `x`.
OTHERS = re.compile(r"[^A-Za-z0-9_-]+")

Name = Annotated[str, Field(pattern=NAME, max_length=MOST_CHARACTERS)]

# A name in the data, which may be of any characters.
Line = Annotated[str, Field(pattern=LINE, max_length=MOST_CHARACTERS)]


# Names of other entries of the configuration. Those of the study's own are types of
# `schemas/references.py` too.
BaseName = Annotated[str, named_in("bases")]
TemplateName = Annotated[str, named_in("templates")]
RegisteredTask = Annotated[str, named_in("registered tasks")]


def name_like(text: str, taken: Collection[str], otherwise: str) -> str:
    """A name like a text, that no other is, even where capitals and small letters are the same.

    Args:
        otherwise: the name of a text without any letter or digit that a name may have.
    """
    plain = OTHERS.sub("_", text)[:MOST_TAKEN].strip("._-") or otherwise
    known = {other.lower() for other in taken}
    names = (plain, *(f"{plain}_{number}" for number in range(2, len(known) + 3)))
    return next(name for name in names if name.lower() not in known)


def _in_one_order(seeds: tuple[int, ...]) -> tuple[int, ...]:
    # Another order must score nothing again.
    return tuple(sorted(unique(seeds)))


Seed = Annotated[int, Field(ge=0, lt=2**32)]
Seeds = Annotated[tuple[Seed, ...], Field(min_length=1), AfterValidator(_in_one_order)]


def over(own: BaseModel, shared: Settings) -> Settings:
    """Settings with the keys that are set in others of their kind in place of their own.

    Nothing is checked: keys of the one may not fit those of the other.
    """
    return shared.model_copy(update={key: getattr(own, key) for key in own.model_fields_set})


class Questions(NamedTuple):
    """The records of a task, as a model is asked about them."""

    task: TaskSettings
    decoding: DecodingSettings
    """How answers to the task are generated, by models that have no keys of their own."""
    batch_tokens: int


class AnyModel(Closed):
    """A model: a row of the tables.

    A subclass has `base`, `template`, `training`, `adapter_of`, `tuned` and `seeds`, as fields or
    as constants: None where its models have none.
    """

    run: bool = True
    """Whether it is run. If not, it is in no table of scores and no comparison."""
    group: str | None = None
    """Title of its group. Wherever models are listed, the title stands for all of them, and a
    results table without `rows` has one for each group. Default: by what it is, such as `Base
    models` or `Tuned models`."""
    shots: Literal[0, 1] = 0
    """Examples in the prompt."""
    backend: str
    learns: ClassVar[bool] = False
    """Whether its prediction jobs learn from the records of their task, which they read."""

    @property
    def resources(self) -> Mapping[str, int]:
        """What its prediction jobs need of Snakemake's resources: `gpu`, `api`."""
        return {}

    @abstractmethod
    def prediction(self, asked: Questions) -> PredictionSettings:
        """The settings of the job that predicts one task."""

    def limits(self) -> str | None:
        """What tables say of its answers if they are not free."""
        return None

    def answered(self, _code: str, task: TaskSettings, among: Sequence[str], /) -> tuple[str, ...]:
        """Which of some settings of a task's records the model answers; if none, it is not
        evaluated on the task."""
        if self.learns and not task.train:
            return ()
        return tuple(one for one in among if has_example(one) == bool(self.shots))


class TransformersModel(AnyModel):
    """Base weights, with an adapter if the model is tuned."""

    backend: Literal["transformers"] = "transformers"
    """What answers: weights that run here (the default)."""
    base: BaseName
    """Its base weights, an entry of `bases`."""
    template: TemplateName
    """Its prompt: resources/prompts/{template}.jinja."""
    training: TrainingSettings | None = None
    """If missing, the base is not tuned. If present, even empty, it is tuned, and its keys replace
    those of the study's `training`."""
    adapter_of: TunedModelName | None = None
    """Model whose adapters it uses instead of training its own; both need the same base, template
    and precision."""
    precision: Precision = Precision()
    """Keys that replace those of the study's `precision`."""
    decoding: DecodingSettings | None = None
    """Keys that replace those of the study's `decoding` and `task_decoding`, in every task."""
    seeds: Seeds = (0,)
    """Seeds to train and predict with, in any order."""

    answers: Literal["free", "constrained", "likelihood"] = "free"
    """free: whatever the model generates. constrained: only tokens with which a valid answer can
    continue. likelihood: the likeliest of the right answers that there are: yes and no, or the
    options, see `option` of the task. A model is not evaluated on tasks whose answers cannot be
    limited in this way."""
    normalization: Normalization = "none"
    """Only with `answers: likelihood`: what the log-likelihood of an answer is divided by: nothing,
    or its number of tokens or bytes."""

    @field_validator("precision", "training", mode="before")
    @classmethod
    def _whole(cls, section: Any) -> Any:
        # An empty section is the study's own.
        return {} if section is None else section

    @model_validator(mode="after")
    def _asked_as_trained(self) -> Self:
        if self.training and self.adapter_of:
            raise ValueError("needs either `training` or `adapter_of`")
        if self.shots and (self.training or self.adapter_of):
            raise ValueError("training records have no examples: a tuned model has `shots: 0`")
        return self

    @property
    def resources(self) -> Mapping[str, int]:
        """On a CPU they take one too: of the models that run at a time."""
        return {"gpu": 1}

    @property
    def tuned(self) -> bool:
        """Whether the model has adapters of its own."""
        return self.training is not None

    def answered(self, code: str, task: TaskSettings, among: Sequence[str], /) -> tuple[str, ...]:
        """None if answers of the task's type cannot be limited as the model's are."""
        suited = self.answers == "free" or task.answer in ANSWERED[self.answers]
        return super().answered(code, task, among) if suited else ()

    def limits(self) -> str | None:
        """How its answers are limited."""
        unit = "" if self.normalization == "none" else f", by {self.normalization}"
        return {
            "free": None,
            "constrained": "constrained to valid answers",
            "likelihood": f"the likeliest answer of those that there are{unit}",
        }[self.answers]

    def decoded(self, shared: DecodingSettings) -> DecodingSettings:
        """How the model answers a task, for which the study has the settings `shared`."""
        return shared if self.decoding is None else over(self.decoding, shared)

    def prediction(self, asked: Questions) -> TransformersSettings:
        """How the model answers. The token budget is included only if it can change an answer: in
        float32 only what is drawn depends on the batch."""
        decoded, task = self.decoded(asked.decoding), asked.task
        budget = None if self.precision.exact and not decoded.sample else asked.batch_tokens
        return TransformersSettings(
            precision=self.precision,
            shots=self.shots,
            decoding=decoded,
            batch_tokens=budget,
            answers=None
            if self.answers == "free"
            else LimitedAnswers(
                mode=self.answers,
                type=task.answer,
                option=task.option if self.answers == "likelihood" else None,
                normalization=self.normalization,
            ),
        )


class WithoutWeights(AnyModel):
    """A model of which no weights run here."""

    base: ClassVar[None] = None
    training: ClassVar[None] = None
    adapter_of: ClassVar[None] = None
    tuned: ClassVar[bool] = False


class RecordedModel(WithoutWeights):
    """Answers in files, from any model."""

    # Nothing of these is known, and nothing is computed.
    template: ClassVar[None] = None
    seeds: ClassVar[tuple[int, ...]] = (0,)

    backend: Literal["recorded"]
    """What answers: files of answers."""
    path: str | None = None
    """Directory of the answers: `{task}.jsonl`, or `{task}/{setting}.json` with a JSON list of
    texts in the order of the test records. {task} is the task's code or one of its aliases."""
    published: Name | None = None
    """Instead of `path`: its directory among those of the study's `answers`, which are fetched."""
    tasks: tuple[TaskName, ...] | None = Field(None, min_length=1)
    """Tasks that it has answers to (default: all)."""
    settings: tuple[SettingName, ...] | None = Field(None, min_length=1)
    """Settings that it has answers in (default: all)."""

    @model_validator(mode="after")
    def _in_one_place(self) -> Self:
        if (self.path is None) == (self.published is None):
            raise ValueError("needs either `path` or `published`")
        return self

    def prediction(self, _asked: Questions) -> RecordedSettings:
        """Which records have answers."""
        settings = self.settings and tuple(sorted(self.settings))
        return RecordedSettings(backend="recorded", shots=self.shots, settings=settings)

    def answered(self, code: str, task: TaskSettings, among: Sequence[str], /) -> tuple[str, ...]:
        """Those that it has answers in."""
        own = super().answered(code, task, among) if code in (self.tasks or (code,)) else ()
        return tuple(one for one in own if one in (self.settings or among))

    def answer_files(self, names: Sequence[str], settings: Sequence[str]) -> tuple[str, ...]:
        """The file in `path` of a task, or one for each setting, by the first name of the task that
        is there."""
        folders = [Path(str(self.path), name) for name in names]
        for folder in folders:
            if (whole := Path(f"{folder}.jsonl")).is_file():
                return (str(whole),)
        found = next(filter(Path.is_dir, folders), folders[0])
        return tuple(str(found / f"{setting}.json") for setting in settings)


class OpenAIModel(WithoutWeights):
    """A model that an OpenAI-compatible server runs: OpenAI's own, vLLM, llama.cpp, TGI, ..."""

    backend: Literal["openai"]
    """What answers: an OpenAI-compatible server."""
    server: ServerSettings | None = None
    """Which model of which server."""
    serve: Command | None = None
    """Instead of `server`: the command of a server that its jobs start on their GPU, such as
    `vllm serve {model} --port {port}`. It is part of results, so it must hold no secret."""
    exported: TunedModelName | None = None
    """Only with `serve`, for which `make export` merges it: the tuned model that is served. The
    template is the same."""
    version: str | None = None
    """Only with `serve`: the version of the server that you have installed."""
    template: TemplateName
    """Its prompt: resources/prompts/{template}.jinja."""
    decoding: ServerDecoding = ServerDecoding()
    """Keys that replace those of the study's `decoding` and `task_decoding`, in every task."""
    seeds: Seeds = (0,)
    """Seeds to sample with, in any order."""
    access: AccessSettings = AccessSettings()
    """How the server is reached, and what it may cost."""

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        if (self.server is None) == (self.serve is None):
            raise ValueError("needs either `server` or `serve`")
        if (self.serve is None) != (self.exported is None):
            raise ValueError("`serve` and `exported` need each other")
        return self

    @property
    def resources(self) -> Mapping[str, int]:
        """Those of the server."""
        return {"gpu" if self.serve else "api": 1}

    def prediction(self, asked: Questions) -> OpenAISettings | ServedSettings:
        """What the server is told."""
        decoding = over(self.decoding, ServerDecoding.of(asked.decoding))
        told: dict[str, Any] = {"shots": self.shots, "decoding": decoding}
        if self.server is None:
            return ServedSettings(backend="served", serve=self.serve, version=self.version, **told)
        return OpenAISettings(backend="openai", server=self.server, **told)


class LearnedModel(WithoutWeights):
    """A learned baseline: what scikit-learn reaches on the same training records."""

    # There are no prompts, and nothing is drawn at random.
    template: ClassVar[None] = None
    seeds: ClassVar[tuple[int, ...]] = (0,)
    learns: ClassVar[bool] = True

    backend: Literal["learned"]
    """What answers: scikit-learn."""
    method: Method
    """tf-idf: linear models of the words and characters of the input, and forests for rankings.
    nearest: the answer of the most similar training record."""
    train_fraction: float = Field(1.0, gt=0, le=1)
    """Share of each task's training records: those that a tuned model with this `train_fraction` is
    trained on."""

    def prediction(self, asked: Questions) -> LearnedSettings:
        """The method, and what kind of answers it gives."""
        own = self.model_dump(include={"backend", "shots", "method", "train_fraction"})
        return LearnedSettings(**own, task=asked.task.kind())


# Each by its backend.
ModelSettings = TransformersModel | RecordedModel | OpenAIModel | LearnedModel
