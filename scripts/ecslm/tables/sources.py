"""The files that tables are made from, and their names as the JSON twin tells them."""

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
        """A file that the table cannot do without.

        Raises:
            InputError: it was not given.
        """
        path = self.resources.get(option)
        if path is None:
            raise InputError(f"--{option}: needed for this kind of table")
        return path


def source_name(path: Path) -> str:
    """A path as results may name it: never absolute, since results must not depend on the place."""
    return path.name if path.is_absolute() else path.as_posix()
