"""Models whose weights run here: the backend `transformers`."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, ValidationInfo, field_validator

from ecslm.config.backends.any_model import AnyModel, Seeds, over
from ecslm.config.names import BaseName, TemplateName
from ecslm.models.precision import Precision
from ecslm.prediction.settings import DecodingSettings
from ecslm.prediction.transformers_settings import (
    ANSWERED,
    LimitedAnswers,
    Normalization,
    TransformersSettings,
)
from ecslm.schemas.task import Answer, TaskSettings
from ecslm.tables.references import AnyModelName
from ecslm.training.settings import TrainingSettings


class DecodingKeys(DecodingSettings):
    """Decoding. The default is greedy; a key that is not set is that of the section above."""

    @field_validator("max_length")
    @classmethod
    def _leaves_room(cls, length: int, _others: ValidationInfo) -> int:
        # Checked with the keys that it goes over: `config/references.py`.
        return length


class TransformersModel(AnyModel):
    """Base weights, with an adapter if the model is tuned."""

    RESOURCES: ClassVar[Mapping[str, int]] = {"gpu": 1}

    backend: Literal["transformers"] = Field(
        "transformers", description="What answers: weights that run here (the default)."
    )
    base: BaseName = Field(description="Its base weights, an entry of `bases`.")
    template: TemplateName = Field(description="Its prompt: resources/prompts/{template}.jinja.")
    training: TrainingSettings | None = Field(
        None,
        description="If missing, the base is not tuned. If present, even empty, it is tuned, and "
        "its keys replace those of the study's `training`.",
    )
    adapter_of: AnyModelName | None = Field(
        None,
        description="Model whose adapters it uses instead of training its own; both need the same "
        "base, template and precision.",
    )
    precision: Precision = Field(
        Precision(), description="Keys that replace those of the study's `precision`."
    )
    decoding: DecodingKeys | None = Field(
        None,
        description="Keys that replace those of the study's `decoding` and `task_decoding`, in "
        "every task.",
    )
    seeds: Seeds = Field((0,), description="Seeds to train and predict with, in any order.")

    answers: Literal["free", "constrained", "likelihood"] = Field(
        "free",
        description="free: whatever the model generates. constrained: only tokens with which a "
        "valid answer can continue. likelihood: the likeliest of the right answers that there are: "
        "yes and no, or the options, see `option` of the task. A model is not evaluated on tasks "
        "whose answers cannot be limited in this way.",
    )
    normalization: Normalization = Field(
        "none",
        description="Only with `answers: likelihood`: what the log-likelihood of an answer is "
        "divided by: nothing, or its number of tokens or bytes.",
    )

    @field_validator("precision", "training", mode="before")
    @classmethod
    def _whole(cls, section: Any) -> Any:
        # An empty section is the study's own.
        return {} if section is None else section

    @field_validator("normalization")
    @classmethod
    def _of_likelihood(cls, value: Normalization, others: ValidationInfo) -> Normalization:
        if value != "none" and others.data.get("answers", "likelihood") != "likelihood":
            raise ValueError("only with `answers: likelihood`")
        return value

    @property
    def tuned(self) -> bool:
        """Whether the model has adapters of its own."""
        return self.training is not None

    def inheriting(self, precision: Precision, training: TrainingSettings) -> Self:
        """A copy with the study's settings, but for the keys that the model sets itself."""
        own = {
            "precision": over(self.precision, precision),
            "training": None if self.training is None else over(self.training, training),
        }
        return self.model_copy(update=own)

    def adapter_name(self, name: str) -> str | None:
        """The model's own name if it is tuned, otherwise the model whose adapters it uses."""
        return name if self.tuned else self.adapter_of

    def suits(self, answer: Answer) -> bool:
        """Whether answers of a type can be limited as the model's are."""
        return self.answers == "free" or answer in ANSWERED[self.answers]

    def limits(self) -> str | None:
        """How its answers are limited."""
        match self.answers, self.normalization:
            case "free", _:
                return None
            case "constrained", _:
                return "constrained to valid answers"
            case _, "none":
                return "the likeliest answer of those that there are"
            case _, unit:
                return f"the likeliest answer of those that there are, by {unit}"

    def decoded(self, shared: DecodingSettings) -> DecodingSettings:
        """How the model answers a task, for which the study has the settings `shared`."""
        return shared if self.decoding is None else over(self.decoding, shared)

    def prediction(
        self,
        decoding: DecodingSettings,
        batch_tokens: int,
        settings: Sequence[str],  # noqa: ARG002
        task: TaskSettings,
    ) -> TransformersSettings:
        """How the model answers. The token budget is included only if it can change an answer: in
        float32 only what is drawn depends on the batch."""
        decoded = self.decoded(decoding)
        return TransformersSettings(
            precision=self.precision,
            shots=self.shots,
            decoding=decoded,
            batch_tokens=None if self.precision.exact and not decoded.sample else batch_tokens,
            answers=None
            if self.answers == "free"
            else LimitedAnswers(
                mode=self.answers,
                type=task.answer,
                option=task.option if self.answers == "likelihood" else None,
                normalization=self.normalization,
            ),
        )
