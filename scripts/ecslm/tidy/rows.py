"""What the jobs that write tidy tables have in common."""

from pathlib import Path
from typing import ClassVar

from ecslm.schemas.settings import JobSettings
from ecslm.tidy.study import StudyContext


class TidySettings(JobSettings):
    """Everything except files that can change a tidy table."""

    LIBRARIES: ClassVar[tuple[str, ...]] = ("pandas", "pyarrow")

    study: str
    """Name of the study."""
    context: StudyContext
    """Its tasks and models."""


def source_name(path: Path) -> str:
    """A file's name in results: never absolute, since results must not depend on where it is."""
    return path.name if path.is_absolute() else path.as_posix()
