"""What declared contrasts compare: the outcomes of two sides, and what the sides are called."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ecslm.common.errors import InputError
from ecslm.comparisons.settings import (
    DifferencesSettings,
    ModelsContrast,
    SettingsContrast,
    compared_models,
)
from ecslm.schemas.task import answered_setting
from ecslm.scoring.outcomes import Outcomes

# Of the smaller side's samples: with fewer in common two sides are not paired.
PAIRED_SHARE = 0.1

# Outcomes of one task: by model, then by setting.
TaskOutcomes = Mapping[str, Mapping[str, Outcomes]]


@dataclass(frozen=True)
class Sides:
    """Two sides of one task; the names are those of `Difference`."""

    contrast: str
    a: str
    b: str
    setting: str | None
    model: str | None
    first: Outcomes
    second: Outcomes

    @property
    def shared(self) -> list[str]:
        """The samples of both sides, on which they are paired; empty if they are not.

        A few samples that happen to be the same make no pairing.
        """
        both = sorted(set(self.first.samples).intersection(self.second.samples))
        fewer = min(len(self.first.samples), len(self.second.samples))
        return both if len(both) >= PAIRED_SHARE * fewer else []


def task_sides(settings: DifferencesSettings, outcomes: TaskOutcomes) -> Iterator[Sides]:
    """What is to be compared in a task: nothing where it lacks one of the settings.

    Raises:
        InputError: two models have no sample in common.
    """
    for name, contrast in sorted(settings.contrasts.items()):
        if isinstance(contrast, ModelsContrast):
            yield from _of_models(name, contrast, settings, outcomes)
        else:
            yield from _of_settings(name, contrast, outcomes)


def lacking_settings(settings: DifferencesSettings, outcomes: TaskOutcomes) -> list[str]:
    """Settings that contrasts name and models have not, as problems."""
    wanted = [
        (name, model, setting)
        for name, contrast in settings.contrasts.items()
        for model in compared_models(contrast)
        for setting in (
            [answered_setting(one, settings.models[model].shots) for one in contrast.settings]
            if isinstance(contrast, ModelsContrast)
            else dict.fromkeys(one for pair in contrast.pairs for one in pair)
        )
    ]
    return [
        f"contrasts.{name}: {model} has no records of {setting}: it has "
        f"{', '.join(outcomes[model])}"
        for name, model, setting in wanted
        if setting not in outcomes[model]
    ]


def _of_models(
    name: str, contrast: ModelsContrast, settings: DifferencesSettings, outcomes: TaskOutcomes
) -> Iterator[Sides]:
    for a, b in contrast.pairs:
        for setting in contrast.settings:
            first, second = (
                outcomes[model].get(answered_setting(setting, settings.models[model].shots))
                for model in (a, b)
            )
            if first is None or second is None:
                continue
            sides = Sides(name, a, b, setting, None, first, second)
            if not sides.shared:
                raise InputError(
                    f"{name}: {a} and {b} share under {PAIRED_SHARE:.0%} of their samples in "
                    f"{setting}: predict and score both from the same dataset file"
                )
            yield sides


def _of_settings(name: str, contrast: SettingsContrast, outcomes: TaskOutcomes) -> Iterator[Sides]:
    for model in contrast.models:
        for a, b in contrast.pairs:
            first, second = outcomes[model].get(a), outcomes[model].get(b)
            if first is not None and second is not None:
                yield Sides(name, a, b, None, model, first, second)
