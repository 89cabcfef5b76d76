"""Types of names in the configuration, which refer to another part of it."""

from typing import Annotated

from pydantic import AfterValidator, ValidationInfo
from pydantic_core import PydanticCustomError

from ecslm.common.text import nearest

# The type of an error that says all about a name that refers to nothing.
UNKNOWN_NAME = "unknown_name"


def named_in(part: str) -> AfterValidator:
    """Refuses a name that a part of a configuration or of a study does not have.

    The context of a validation, if there is one, has the names of each part, as they were read: so
    an entry that is wrong is no unknown one.
    """

    def known(name: str, info: ValidationInfo) -> str:
        if info.context is not None and name not in (names := info.context[part]):
            problem = f"{name} is not in {part}{nearest(name, names)}"
            raise PydanticCustomError(UNKNOWN_NAME, "{problem}", {"problem": problem})
        return name

    return AfterValidator(known)


# Names in a study.
TaskName = Annotated[str, named_in("tasks")]
ModelName = Annotated[str, named_in("models")]
TunedModelName = Annotated[str, named_in("tuned models")]
BaselineName = Annotated[str, named_in("baselines")]
# An evaluation setting.
SettingName = Annotated[str, named_in("settings")]
# An evaluation setting, or that of the training records.
RecordsSettingName = Annotated[str, named_in("settings of records")]
ContrastName = Annotated[str, named_in("contrasts")]
# A contrast that compares settings, not models.
SettingsContrastName = Annotated[str, named_in("contrasts of settings")]
ComparedName = Annotated[str, named_in("models and baselines")]
