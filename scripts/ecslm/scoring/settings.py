"""How the uncertainty of a score is found."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

# Their versions can change a score.
LIBRARIES = ("numpy",)

Resamples = Annotated[int, Field(ge=1, description="Bootstrap resamples of an interval.")]
Seed = Annotated[int, Field(ge=0, description="Seed of the bootstrap.")]


class ScoringSettings(BaseModel):
    """The study's `scoring`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    resamples: Resamples = 10_000
    seed: Seed = 0
