"""The two sides of each comparison that a contrast asks for: their names and outcomes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ecslm.common.errors import InputError
from ecslm.comparisons.settings import (
    BEST_SIMPLE,
    DifferencesSettings,
    ModelsContrast,
    SettingsContrast,
    compared_models,
)
from ecslm.schemas.task import answered_setting
from ecslm.scoring.baselines import is_expectation
from ecslm.scoring.metrics.protocol import Array, Metric
from ecslm.scoring.outcomes import Outcomes

# Two sides are paired if they share at least this part of the smaller side's samples.
PAIRED_SHARE = 0.1

# Outcomes of one task, by model and setting.
TaskOutcomes = Mapping[str, Mapping[str, Outcomes]]


@dataclass(frozen=True)
class Sides:
    """Two sides to compare in one task; fields are named as in `Difference`."""

    contrast: str
    a: str
    b: str
    setting: str | None
    model: str | None
    first: Outcomes
    second: Outcomes
    best_simple: bool = False

    @property
    def expected(self) -> bool:
        """Whether outcomes of a side are expected ones, which are not exchangeable with others."""
        return is_expectation(self.a) or is_expectation(self.b)

    @property
    def shared(self) -> list[str]:
        """The samples that both sides have, if they are paired on them; else empty.

        A few samples in common by chance are not enough.
        """
        both = sorted(set(self.first.samples).intersection(self.second.samples))
        fewer = min(len(self.first.samples), len(self.second.samples))
        return both if len(both) >= PAIRED_SHARE * fewer else []

    def gained(self, measure: Metric) -> Array:
        """How much better the first side answers each shared sample, the mean over its seeds minus
        that of the second: 1 if only the first is right; shape (samples,)."""
        return self.first.qualities(measure, self.shared) - self.second.qualities(
            measure, self.shared
        )


def task_sides(
    settings: DifferencesSettings, outcomes: TaskOutcomes, best_simple: str | None = None
) -> Iterator[Sides]:
    """All pairs of sides to compare in a task, except where it lacks one of the settings.

    `best_simple` is the name of its best simple baseline, which is not compared with itself.

    Raises:
        InputError: two models share too few samples.
    """
    for name, contrast in sorted(settings.contrasts.items()):
        if isinstance(contrast, ModelsContrast):
            yield from _model_sides(name, contrast, settings, outcomes, best_simple)
        else:
            yield from _setting_sides(name, contrast, outcomes)


def missing_settings(
    settings: DifferencesSettings, outcomes: TaskOutcomes, best_simple: str | None = None
) -> list[str]:
    """Settings that contrasts name but models lack, as messages."""
    required = [
        (name, model, setting)
        for name, contrast in settings.contrasts.items()
        for named in compared_models(contrast)
        for model in [best_simple if named == BEST_SIMPLE and best_simple else named]
        for setting in (
            [answered_setting(one, settings.models[model].shots) for one in contrast.settings]
            if isinstance(contrast, ModelsContrast)
            else dict.fromkeys(one for pair in contrast.pairs for one in pair)
        )
    ]
    return [
        f"contrasts.{name}: {model} has no records of {setting}, only of "
        f"{', '.join(outcomes[model])}"
        for name, model, setting in required
        if setting not in outcomes[model]
    ]


def _model_sides(
    name: str,
    contrast: ModelsContrast,
    settings: DifferencesSettings,
    outcomes: TaskOutcomes,
    best_simple: str | None,
) -> Iterator[Sides]:
    for a, named in contrast.pairs:
        b = best_simple if named == BEST_SIMPLE else named
        if b is None or a == b:
            continue
        for setting in contrast.settings:
            first, second = (
                outcomes[model].get(answered_setting(setting, settings.models[model].shots))
                for model in (a, b)
            )
            if first is None or second is None:
                continue
            sides = Sides(name, a, b, setting, None, first, second, named == BEST_SIMPLE)
            if not sides.shared:
                raise InputError(
                    f"{name}: {a} and {b} share under {PAIRED_SHARE:.0%} of their samples in "
                    f"{setting}: predict and score both from the same dataset file"
                )
            yield sides


def _setting_sides(
    name: str, contrast: SettingsContrast, outcomes: TaskOutcomes
) -> Iterator[Sides]:
    for model in contrast.models:
        for a, b in contrast.pairs:
            first, second = outcomes[model].get(a), outcomes[model].get(b)
            if first is not None and second is not None:
                yield Sides(name, a, b, None, model, first, second)
