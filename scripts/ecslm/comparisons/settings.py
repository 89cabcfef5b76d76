"""Settings of comparisons: contrasts in a study, and the `--settings` of the scripts."""

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from ecslm.families.learned.backend import LearnedSettings
from ecslm.schemas.references import ComparedName, ModelName, SettingName
from ecslm.schemas.settings import Closed, JobSettings
from ecslm.schemas.task import Metric, TaskKind
from ecslm.scoring.baselines import Baseline
from ecslm.scoring.settings import Resamples, Seed, metric_module

# The second name of a pair: in each task the simple baseline that was chosen without test records.
BEST_SIMPLE = "best simple"

# Without an extreme one among B random permutations, the interval of p ends at 3.69 / B. Holm's
# first step multiplies that by the number of tests, so 0.05 needs 74 permutations for each.
PERMUTATIONS_OF_TEST = 74


def unique(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Refuse duplicates: each would add another test to the family."""
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"`{value}` is listed twice")
    return values


Permutations = Annotated[
    int, Field(ge=1, description="Random permutations of a paired randomisation test, at least.")
]


class ContrastBase(Closed):
    """A contrast; all its tests are one family."""

    title: str = ""
    """Title above its rows in tables."""
    pairs: tuple[tuple[str, str], ...] = Field(min_length=1)
    """Pairs of names to compare: the first minus the second. Of models, trivial baselines count
    too, and `best simple` as the second is the one of each task's trivial and learned
    baselines that was chosen without test records."""

    @model_validator(mode="after")
    def _valid_pairs(self) -> "ContrastBase":
        if len(set(map(frozenset, self.pairs))) < len(self.pairs):
            raise ValueError("pairs: a pair is listed twice")
        if any(first in (second, BEST_SIMPLE) for first, second in self.pairs):
            raise ValueError(f"pairs: two different names, only the second `{BEST_SIMPLE}`")
        return self


class ModelsContrast(ContrastBase):
    """Compares two models on the same samples."""

    kind: Literal["models"]
    pairs: tuple[tuple[ComparedName, ComparedName], ...] = Field(min_length=1)
    settings: Annotated[tuple[SettingName, ...], AfterValidator(unique)] = Field(min_length=1)
    """Evaluation settings."""


class SettingsContrast(ContrastBase):
    """Compares one model in two settings; paired if they have the same samples."""

    kind: Literal["settings"]
    pairs: tuple[tuple[SettingName, SettingName], ...] = Field(min_length=1)
    models: Annotated[tuple[ModelName, ...], AfterValidator(unique)] = Field(min_length=1)
    """Models."""


Contrast = Annotated[ModelsContrast | SettingsContrast, Field(discriminator="kind")]


class ComparisonsSettings(Closed):
    """The study's `comparisons`."""

    permutations: Permutations = 10_000
    contrasts: dict[str, Contrast] = Field(min_length=1)
    """Contrasts by name, each a family of tests for Holm's adjustment."""


class ComparedModel(Closed):
    """A model to compare: its seeds name its outcomes files, its shots the settings in them."""

    seeds: Annotated[tuple[int, ...], AfterValidator(unique)] = Field(min_length=1)
    """Seeds whose outcomes are compared."""
    shots: int = 0
    """Examples in the prompt."""


class DifferencesSettings(JobSettings):
    """The value of `--settings` of the script that tests differences."""

    LIBRARIES: ClassVar[tuple[str, ...]] = ("numpy", "scipy")

    metric: Metric
    """Headline metric of the task."""
    models: dict[str, ComparedModel]
    """Models and baselines that contrasts name or that may be the best simple baseline, by name."""
    contrasts: dict[str, Contrast] = Field(min_length=1)
    """Contrasts by name."""
    resamples: Resamples = 10_000
    permutations: Permutations = 10_000
    seed: Seed = 0

    @model_validator(mode="after")
    def _known_models(self) -> "DifferencesSettings":
        named = {name for contrast in self.contrasts.values() for name in compared_models(contrast)}
        if unknown := sorted(named - {*self.models, BEST_SIMPLE}):
            raise ValueError(f"contrasts: not in models: {', '.join(unknown)}")
        return self

    def modules(self) -> tuple[str, ...]:
        """That of the metric."""
        return (metric_module(self.metric),)


def compared_models(contrast: Contrast) -> tuple[str, ...]:
    """The models and baselines that a contrast names, without duplicates."""
    if isinstance(contrast, SettingsContrast):
        return contrast.models
    return tuple(dict.fromkeys(name for pair in contrast.pairs for name in pair))


def names_best_simple(contrasts: Iterable[Contrast]) -> bool:
    """Whether any contrast compares with the best simple baseline."""
    return any(BEST_SIMPLE in compared_models(contrast) for contrast in contrasts)


class ChooseSettings(JobSettings):
    """The value of `--settings` of the script that chooses among a task's simple baselines."""

    LIBRARIES: ClassVar[tuple[str, ...]] = LearnedSettings.LIBRARIES

    task: TaskKind
    trivial: tuple[Baseline, ...]
    """The trivial baselines of the task."""
    learned: dict[str, LearnedSettings]
    """The learned ones, by name."""

    def modules(self) -> tuple[str, ...]:
        """That of the task's metric."""
        return (metric_module(self.task.metric),)
