"""Types of names in the configuration, which refer to another part of it."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import GetCoreSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, core_schema

Part = Literal[
    "studies",
    "registered tasks",
    "bases",
    "templates",
    "tasks",
    "models",
    "models with a base",
    "tuned models",
    "models and baselines",
    "baselines",
    "settings",
    "settings of records",
    "contrasts",
    "contrasts of settings",
]


@dataclass(frozen=True)
class Reference:
    """The part of a configuration or of a study that must have the name.

    A validation with a context, a function, tells it each name with what it refers to.
    """

    part: Part

    def __get_pydantic_core_schema__(self, text: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """That of a text, of which the context of a validation is told."""
        return core_schema.with_info_after_validator_function(self._tell, handler(text))

    def _tell(self, name: str, info: ValidationInfo) -> str:
        if info.context is not None:
            info.context(self.part, name)
        return name


# Names in a study.
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
ComparedName = Annotated[str, Reference("models and baselines")]
