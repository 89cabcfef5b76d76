"""The base of settings and of other forms that name all of their fields."""

from pydantic import BaseModel, ConfigDict


class Closed(BaseModel):
    """Unknown keys are errors, and nothing changes after validation."""

    model_config = ConfigDict(extra="forbid", frozen=True)
