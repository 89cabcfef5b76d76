"""The base of settings and of other forms that name all of their fields."""

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError

from ecslm.common.plain_words import HIDDEN


class Closed(BaseModel):
    """Unknown keys are errors, and nothing changes after validation."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def hiding(message: str) -> PydanticCustomError:
    """What a validator raises of a value that may be a secret."""
    return PydanticCustomError(HIDDEN, message)
