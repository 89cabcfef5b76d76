"""Models whose weights run here: the backend `transformers`."""

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from ecslm.config.backends.any_model import AnyModel
from ecslm.config.names import Name
from ecslm.models.precision import Precision
from ecslm.prediction.settings import DecodingSettings
from ecslm.prediction.transformers_settings import TransformersSettings
from ecslm.training.settings import TrainingSettings


class TransformersModel(AnyModel):
    """Base weights, with an adapter if the model is tuned."""

    RESOURCES: ClassVar[Mapping[str, int]] = {"gpu": 1}

    backend: Literal["transformers"] = Field(
        "transformers", description="What answers: weights that run here (the default)."
    )
    base: str = Field(description="Its base weights, an entry of `bases`.")
    template: Name = Field(description="Its prompt: resources/prompts/{template}.jinja.")
    training: TrainingSettings | None = Field(
        None,
        description="If missing, the base is not tuned. If present, even empty, it is tuned, and "
        "its keys replace those of the study's `training`.",
    )
    precision: Precision = Field(
        Precision(), description="Keys that replace those of the study's `precision`."
    )
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        (0,), min_length=1, description="Seeds to train and predict with, in any order."
    )

    @field_validator("seeds")
    @classmethod
    def _in_one_order(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        # Another order must score nothing again.
        return tuple(sorted(seeds))

    @property
    def tuned(self) -> bool:
        """Whether the model has an adapter."""
        return self.training is not None

    def prediction(
        self,
        decoding: DecodingSettings,
        batch_tokens: int,
        settings: Sequence[str],  # noqa: ARG002
    ) -> TransformersSettings:
        """How the model answers. The token budget is included only if it can change an answer."""
        return TransformersSettings(
            precision=self.precision,
            shots=self.shots,
            decoding=decoding,
            batch_tokens=None if self.precision.exact else batch_tokens,
        )
