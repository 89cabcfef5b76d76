"""Settings of the description of a task's records."""

from typing import ClassVar

from pydantic import Field

from ecslm.models.precision import OF_PROMPTS
from ecslm.schemas.settings import JobSettings
from ecslm.schemas.task import Answer


class DescriptionSettings(JobSettings):
    """The answer type, the tokenizer, and the lengths at which inputs are cut."""

    LIBRARIES: ClassVar[tuple[str, ...]] = OF_PROMPTS

    answer: Answer
    """Type of the task's answers; only classes are counted."""
    tokenizer: str
    """Name of the base whose tokenizer counts tokens."""
    training_max_length: int | None = Field(ge=16)
    """`max_length` of the training; null for a task that is not trained on."""
    adapter_max_length: int | None = Field(None, ge=16)
    """`max_length` that the adapter was trained with, if there is one."""
    prediction_max_length: int = Field(ge=16)
    """`max_length` of the decoding."""
    max_new_tokens: int = Field(ge=1)
    """Longest answer of the decoding, in tokens."""


# Of the overlap, which has no settings.
LEAKAGE_LIBRARIES = ("numpy",)
