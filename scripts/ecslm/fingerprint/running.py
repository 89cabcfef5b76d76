"""The code of a script that runs, compared with the digest that its job was planned with.

A run takes days, and its code can be edited meanwhile. The digest in a result's manifest must be
that of the code that made it, so a script that was given `--code` first compares it with its own.
From then on, project modules that count are imported as they were at that moment, whatever happens
to their files: an edit neither reaches the job nor stops it, and no check at the end is needed.
Nothing is checked without `--code`, that is, in a run by hand.
"""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.abc import SourceLoader
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path

from ecslm.common.equal_code import stands_for
from ecslm.common.errors import InputError
from ecslm.fingerprint.digest import SCRIPTS, Code, code_of


def code_parameter(script: str, modules: Iterable[str] = (), root: Path = SCRIPTS) -> str:
    """The value of a script's `--code`: the digest of its code, as a parameter with a prefix.

    Args:
        script: its file name.
        modules: full names of the modules that it loads by name.

    Raises:
        ModuleNotFoundError: a file is missing.
        SyntaxError: one is not Python.
    """
    return f"code:{code_of(root).digest(script, tuple(modules))}"


@contextmanager
def planned_code(script: Path, code: str, modules: Iterable[str]) -> Iterator[str]:
    """Compare a script's code with `code`; in the block, import project modules as they are now.

    Returns:
        The script's code: another one than `code` if both were shown to compute equal bytes.

    Raises:
        InputError: the code was edited since the run was planned.
    """
    root = script.resolve().parent
    real = code_parameter(script.name, modules, root)
    if not stands_for(code, real):
        edited = f"the code of scripts/{script.name} was edited since the run was planned"
        raise InputError(f"--code: {edited}: run again")
    importer = _Importer(code_of(root))
    sys.meta_path.insert(0, importer)
    try:
        yield real
    finally:
        sys.meta_path.remove(importer)


class _Importer(SourceLoader):
    """Imports project modules as they were when the digest was computed of them; those that it
    leaves out as they are."""

    def __init__(self, code: Code) -> None:
        self._code = code

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        """A module of the project; None for another."""
        path = self._code.path(fullname)
        return spec_from_file_location(fullname, path, loader=self) if path else None

    def get_filename(self, fullname: str) -> str:
        """The file of a module."""
        return str(self._code.path(fullname))

    def get_data(self, path: str) -> bytes:
        """Its source."""
        return self._code.source(Path(path))
