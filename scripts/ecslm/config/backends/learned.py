"""Models that learn from a task's records without a language model: the backend `learned`."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from ecslm.config.backends.any_model import AnyModel
from ecslm.prediction.learned_settings import LearnedSettings, Method
from ecslm.prediction.settings import DecodingSettings
from ecslm.schemas.task import TaskSettings


class LearnedModel(AnyModel):
    """A learned baseline: what a few lines of scikit-learn reach on the same training records."""

    LEARNS: ClassVar[bool] = True

    # There are no weights and no prompts, and nothing is drawn at random.
    base: ClassVar[None] = None
    template: ClassVar[None] = None
    training: ClassVar[None] = None
    tuned: ClassVar[bool] = False
    seeds: ClassVar[tuple[int, ...]] = (0,)

    backend: Literal["learned"] = Field(description="What answers: scikit-learn.")
    method: Method = Field(
        description="tf-idf: linear models of the words and characters of the input. nearest: the "
        "answer of the most similar training record."
    )
    train_fraction: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Share of each task's training records: those that a tuned model with this "
        "`train_fraction` is trained on.",
    )

    def prediction(
        self,
        decoding: DecodingSettings,  # noqa: ARG002
        batch_tokens: int,  # noqa: ARG002
        settings: Sequence[str],  # noqa: ARG002
        task: TaskSettings,
    ) -> LearnedSettings:
        """The method, and what kind of answers it gives."""
        return LearnedSettings(
            backend="learned",
            shots=self.shots,
            method=self.method,
            task=task.kind(),
            train_fraction=self.train_fraction,
        )
