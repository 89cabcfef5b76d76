"""Settings of the jobs that write tidy tables, and the names of files in these."""

from pathlib import Path
from typing import ClassVar

from ecslm.schemas.settings import JobSettings
from ecslm.scoring.settings import metric_module
from ecslm.tidy.study import StudyContext


class TidySettings(JobSettings):
    """Everything except files that can change a tidy table."""

    LIBRARIES: ClassVar[tuple[str, ...]] = ("pandas", "pyarrow")

    study: str
    """Name of the study."""
    context: StudyContext
    """Its tasks and models."""


class CostsSettings(TidySettings):
    """Everything except files that can change the table of costs."""

    timed: tuple[str, ...] = ()
    """Models whose time for single answers is measured."""


class RecordsSettings(TidySettings):
    """Everything except files that can change the table of answers."""

    def modules(self) -> tuple[str, ...]:
        """Those of the tasks' metrics, which say how good an answer is."""
        return tuple(sorted({metric_module(one.measure) for one in self.context.tasks.values()}))


def source_name(path: Path) -> str:
    """A file's name in results: never absolute, since results must not depend on where it is."""
    return path.name if path.is_absolute() else path.as_posix()
