"""The files that tables are built from, and their names in the JSON twin."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ecslm.common.errors import InputError


@dataclass(frozen=True)
class Sources:
    """Paths given on the command line: the study's results, and files of the repository by the
    option that names them."""

    results: Path
    resources: Mapping[str, Path] = field(default_factory=dict)

    def require(self, option: str) -> Path:
        """A file that the table needs.

        Raises:
            InputError: its option was not given.
        """
        path = self.resources.get(option)
        if path is None:
            raise InputError(f"--{option}: needed for this kind of table")
        return path


def source_name(path: Path) -> str:
    """A file's name in results: never absolute, since results must not depend on where it is."""
    return path.name if path.is_absolute() else path.as_posix()
