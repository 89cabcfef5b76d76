"""The base of settings and of other forms that name all of their fields."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError

from ecslm.common.errors import HIDDEN


class Closed(BaseModel):
    """Unknown keys are errors, and nothing changes after validation."""

    model_config = ConfigDict(allow_inf_nan=False, extra="forbid", frozen=True)


class JobSettings(Closed):
    """The value of a script's `--settings`: all of the configuration that can change what one job
    makes. It also knows what else can."""

    LIBRARIES: ClassVar[tuple[str, ...]] = ()

    @property
    def libraries(self) -> tuple[str, ...]:
        """The libraries whose versions can change it."""
        return self.LIBRARIES

    def modules(self) -> tuple[str, ...]:
        """The full names of the project's modules that the job loads by name."""
        return ()


def hiding(message: str) -> PydanticCustomError:
    """What a validator raises of a value that may be a secret."""
    return PydanticCustomError(HIDDEN, message)
