"""The files that tables are made from, and their names as the JSON twin tells them."""

from dataclasses import dataclass
from pathlib import Path

from ecslm.common.errors import InputError


@dataclass(frozen=True)
class Sources:
    """Paths given on the command line; a table kind uses some of them."""

    results: Path
    published: Path | None = None
    notes: Path | None = None
    architectures: Path | None = None

    def require_published(self) -> Path:
        """The file of published numbers."""
        return _given(self.published, "--published")

    def require_architectures(self) -> Path:
        """The file of model architectures."""
        return _given(self.architectures, "--architectures")


def source_name(path: Path) -> str:
    """A path as results may name it: never absolute, since results must not depend on the place."""
    return path.name if path.is_absolute() else path.as_posix()


def _given(path: Path | None, option: str) -> Path:
    if path is None:
        raise InputError(f"{option}: needed for this kind of table")
    return path
