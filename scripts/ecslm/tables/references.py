"""Types for names in the configuration; each declares the part that must have the name."""

from typing import Annotated

from ecslm.schemas.references import Reference

TaskName = Annotated[str, Reference("tasks")]
ModelName = Annotated[str, Reference("models")]
TunedModelName = Annotated[str, Reference("tuned models")]
BaselineName = Annotated[str, Reference("baselines")]
# An evaluation setting.
SettingName = Annotated[str, Reference("settings")]
# An evaluation setting, or that of the training records.
RecordsSettingName = Annotated[str, Reference("settings of records")]
ContrastName = Annotated[str, Reference("contrasts")]
# A contrast that compares settings, not models.
SettingsContrastName = Annotated[str, Reference("contrasts of settings")]
