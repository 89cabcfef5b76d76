"""The cells of declared contrasts: which two scores are compared, and what they are called."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ecslm.comparisons.settings import DifferencesSettings, ModelsContrast, SettingsContrast
from ecslm.files import InputError
from ecslm.outcomes import Outcomes
from ecslm.tasks import answered_setting

# Outcomes of one task: by model, then by setting.
TaskOutcomes = Mapping[str, Mapping[str, Outcomes]]


@dataclass(frozen=True)
class Cell:
    """Two sides of one task; the names are those of `Comparison`."""

    contrast: str
    a: str
    b: str
    setting: str | None
    model: str | None
    first: Outcomes
    second: Outcomes

    @property
    def shared(self) -> list[str]:
        """The samples of both sides."""
        return sorted(set(self.first.samples).intersection(self.second.samples))


def task_cells(settings: DifferencesSettings, outcomes: TaskOutcomes) -> Iterator[Cell]:
    """What is to be compared in a task: nothing where it lacks one of the settings.

    Raises:
        InputError: two models have no sample in common.
    """
    for name, contrast in sorted(settings.contrasts.items()):
        if isinstance(contrast, ModelsContrast):
            yield from _models_cells(name, contrast, settings, outcomes)
        else:
            yield from _settings_cells(name, contrast, outcomes)


def _models_cells(
    name: str,
    contrast: ModelsContrast,
    settings: DifferencesSettings,
    outcomes: TaskOutcomes,
) -> Iterator[Cell]:
    for a, b in contrast.pairs:
        for setting in contrast.settings:
            first, second = (
                outcomes[side].get(answered_setting(setting, settings.models[side].shots))
                for side in (a, b)
            )
            if first is None or second is None:
                continue
            cell = Cell(name, a, b, setting, None, first, second)
            if not cell.shared:
                raise InputError(
                    f"{name}: {a} and {b} have no sample in common in {setting}: predict and score "
                    "both from the same dataset file"
                )
            yield cell


def _settings_cells(
    name: str, contrast: SettingsContrast, outcomes: TaskOutcomes
) -> Iterator[Cell]:
    for model in contrast.models:
        for a, b in contrast.pairs:
            first, second = outcomes[model].get(a), outcomes[model].get(b)
            if first is not None and second is not None:
                yield Cell(name, a, b, None, model, first, second)
