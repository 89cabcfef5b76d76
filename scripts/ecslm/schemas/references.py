"""Types of names in the configuration, which refer to another part of it."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from ecslm.common.text import nearest

# The type of an error that says all about a name that refers to nothing.
UNKNOWN_NAME = "unknown_name"


@dataclass(frozen=True)
class Reference:
    """The part of a configuration or of a study that must have the name.

    The context of a validation, if there is one, has the names of each part, as they were read: so
    an entry that is wrong is no unknown one.
    """

    part: str

    def __get_pydantic_core_schema__(self, text: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """That of a text, which is looked up."""
        return core_schema.with_info_after_validator_function(self._known, handler(text))

    def _known(self, name: str, info: ValidationInfo) -> str:
        if info.context is not None and name not in (names := info.context[self.part]):
            problem = f"{name} is not in {self.part}{nearest(name, names)}"
            raise PydanticCustomError(UNKNOWN_NAME, "{problem}", {"problem": problem})
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
