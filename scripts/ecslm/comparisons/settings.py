"""Which scores are compared: contrasts as a study declares them, and what the script is told."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from ecslm.schemas.task import Metric
from ecslm.scoring.settings import Resamples, Seed

# Their versions can change a comparison.
LIBRARIES = ("numpy", "scipy")

Pair = tuple[str, str]


def _once(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Refuse repeats: each would count once more in the family of tests."""
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"`{value}` is listed twice")
    return values


Once = Annotated[tuple[str, ...], AfterValidator(_once)]
Permutations = Annotated[
    int, Field(ge=1, description="Random exchanges of a paired randomisation test.")
]


class Closed(BaseModel):
    """A section: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ContrastBase(Closed):
    """What every contrast has: its cells are one family of tests."""

    title: str = Field("", description="Title above its rows in tables.")
    pairs: tuple[Pair, ...] = Field(
        min_length=1, description="What is compared, two by two: the first minus the second."
    )

    @model_validator(mode="after")
    def _of_two(self) -> "ContrastBase":
        if len(set(map(frozenset, self.pairs))) < len(self.pairs):
            raise ValueError("pairs: a pair is listed twice")
        if any(first == second for first, second in self.pairs):
            raise ValueError("pairs: a pair needs two different names")
        return self


class ModelsContrast(ContrastBase):
    """Two models on the same samples."""

    kind: Literal["models"]
    settings: Once = Field(min_length=1, description="Evaluation settings.")


class SettingsContrast(ContrastBase):
    """One model in two settings: paired where they have the same samples, else unpaired."""

    kind: Literal["settings"]
    models: Once = Field(min_length=1, description="Models.")


Contrast = Annotated[ModelsContrast | SettingsContrast, Field(discriminator="kind")]


class ComparisonsSettings(Closed):
    """The study's `comparisons`."""

    permutations: Permutations = 10_000
    contrasts: dict[str, Contrast] = Field(
        min_length=1, description="Contrasts by name, each a family of tests for Holm's adjustment."
    )


class ComparedModel(Closed):
    """Where a model's outcomes are, and in which settings it answers."""

    seeds: Annotated[tuple[int, ...], AfterValidator(_once)] = Field(
        min_length=1, description="Seeds of which outcomes exist."
    )
    shots: int = Field(0, description="Examples in the prompt.")


class DifferencesSettings(Closed):
    """The value of `--settings` of the script that tests differences."""

    metric: Metric = Field(description="Headline metric of the task.")
    models: dict[str, ComparedModel] = Field(description="The models that contrasts name.")
    contrasts: dict[str, Contrast] = Field(min_length=1, description="Contrasts by name.")
    resamples: Resamples = 10_000
    permutations: Permutations = 10_000
    seed: Seed = 0

    @model_validator(mode="after")
    def _known_models(self) -> "DifferencesSettings":
        named = {name for contrast in self.contrasts.values() for name in compared_models(contrast)}
        if unknown := sorted(named - set(self.models)):
            raise ValueError(f"contrasts: not in models: {', '.join(unknown)}")
        return self


def compared_models(contrast: Contrast) -> tuple[str, ...]:
    """The models that a contrast names, each once."""
    if isinstance(contrast, SettingsContrast):
        return tuple(dict.fromkeys(contrast.models))
    return tuple(dict.fromkeys(name for pair in contrast.pairs for name in pair))
