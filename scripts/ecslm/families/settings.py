"""Settings of prediction: of all backends, of `transformers`, and of latency.

The settings of the other backends are in their modules. `config` composes them all.
"""

from typing import Literal

from pydantic import Field

from ecslm.models.precision import MODEL_LIBRARIES, PROMPT_LIBRARIES, Precision
from ecslm.schemas.record import Record
from ecslm.schemas.settings import Closed, JobSettings
from ecslm.schemas.task import Answer, OptionForm

Mode = Literal["constrained", "likelihood"]
Normalization = Literal["none", "tokens", "bytes"]

ANSWERED: dict[Mode, tuple[Answer, ...]] = {
    "constrained": ("yes_no", "choice", "ranking", "extraction"),
    "likelihood": ("yes_no", "choice"),
}
"""The types of answers that a mode limits: those with a form, or of a closed set."""


class Sampling(Closed):
    """Whether tokens are sampled, and how."""

    sample: bool = False
    """Sample tokens with a seed instead of taking the likeliest."""
    temperature: float = Field(0.15, gt=0)
    """Only with `sample`: 1 draws tokens by the model's own probabilities, a value near 0 almost
    always the likeliest."""
    top_p: float = Field(0.95, gt=0, le=1)
    """Only with `sample`: draw from the likeliest tokens whose probabilities add up to this."""


class DecodingSettings(Sampling):
    """Decoding of one task. The default is greedy."""

    max_new_tokens: int = Field(100, ge=1)
    """Maximum tokens of an answer."""
    max_length: int = Field(4000, ge=16)
    """Tokens of prompt and answer; longer inputs are cut at the end."""
    fused: bool = True
    """Dequantise the base and merge the adapter into it once, at load: the same function up to
    rounding, without the cost of both in each step."""
    oom: Literal["stop", "halve"] = "stop"
    """When out of memory: stop and suggest a smaller budget, or retry with half batches. This can
    change an answer in low precision, so cost.json records it."""


class PredictionSettings(JobSettings):
    """Everything in the configuration that determines a predictions file's bytes.

    A backend has a subclass with what it needs: its `SETTINGS`.
    """

    backend: str
    """What answers, see `families/backend.py`."""
    shots: int = 0
    """Examples in the prompt."""

    def asks(self, record: Record) -> bool:
        """Whether the model is to answer a record."""
        # The 1-shot settings repeat the samples of other settings, with an example.
        return (record.few_shot_example is not None) == bool(self.shots)

    def libraries_for(self, adapter: object) -> tuple[str, ...]:
        """The libraries whose versions can change a prediction, with or without an adapter."""
        return (*self.libraries, "peft") if adapter else self.libraries

    def modules(self) -> tuple[str, ...]:
        """That of the backend, which is loaded by its name."""
        return (module_name(self.backend),)

    def budget(self, batch_tokens: int) -> int:
        """The padded tokens per batch: these settings' own or, without one, those given."""
        return getattr(self, "batch_tokens", None) or batch_tokens


def module_name(backend: str) -> str:
    """The full name of a backend's module."""
    return f"ecslm.families.{backend}.backend"


class LimitedAnswers(Closed):
    """Answers that are not free."""

    mode: Mode
    """A module in `families/transformers/answers`."""
    type: Answer
    """Type of the task's answers."""
    option: OptionForm | None = None
    """Of a choice by likelihood: what of an option is scored (default: text)."""
    normalization: Normalization = "none"
    """What a log-likelihood is divided by: the answer's length, or nothing."""


class TransformersSettings(PredictionSettings):
    """How local weights answer."""

    backend: Literal["transformers"] = "transformers"
    precision: Precision = Precision()
    decoding: DecodingSettings = DecodingSettings()
    batch_tokens: int | None = Field(None, ge=16)
    """Padded tokens per batch, answers included. Set here only if it can change an answer; in
    float32, where it cannot, --batch-tokens sets it."""
    allow_other_precision: bool = False
    """Accept an adapter that was trained under another precision."""
    answers: LimitedAnswers | None = Field(
        # So that free answers are the same whether or not there could be others.
        None,
        exclude_if=lambda answers: answers is None,
    )
    """How answers are limited; if missing, they are free."""

    @property
    def libraries(self) -> tuple[str, ...]:
        """The libraries of the model, its prompts, and its answers."""
        answers = ("llguidance",) if self.mode == "constrained" else ()
        return (*MODEL_LIBRARIES, *PROMPT_LIBRARIES, *self.precision.libraries, *answers)

    @property
    def mode(self) -> Mode | None:
        """How answers are limited; None: they are free."""
        return None if self.answers is None else self.answers.mode

    def modules(self) -> tuple[str, ...]:
        """Those of the backend and, last, of the mode of answering."""
        mode = () if self.mode is None else (f"ecslm.families.transformers.answers.{self.mode}",)
        return (*super().modules(), *mode)


class SampleSettings(Closed):
    """The sample of test records: the same for all models of a study."""

    prompts: int = Field(100, ge=2)
    """Prompts that are answered, spread evenly over the tasks."""
    seed: int = Field(0, ge=0)
    """Decides which of a task's test records these are."""


class AnsweredTasks(JobSettings):
    """Of a job in which a model whose weights run here answers several tasks."""

    tasks: dict[str, TransformersSettings] = Field(min_length=1)
    """How the model answers each task."""

    def libraries_for(self, adapter: object) -> tuple[str, ...]:
        """The libraries whose versions can change an answer, with or without an adapter."""
        found = (name for own in self.tasks.values() for name in own.libraries_for(adapter))
        return tuple(dict.fromkeys(found))

    def modules(self) -> tuple[str, ...]:
        """The full names of the modules that are loaded by name."""
        return tuple(sorted({name for own in self.tasks.values() for name in own.modules()}))


class LatencySettings(AnsweredTasks, SampleSettings):
    """Everything in the configuration that determines what is measured."""
