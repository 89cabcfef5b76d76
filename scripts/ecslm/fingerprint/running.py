"""The code of a script that runs, compared with the digest that its job was planned with.

A run takes days, and its code can be edited meanwhile. The digest in a result's manifest must be
that of the code that made it, so a script that was given `--code` first compares it with its own.
From then on, project modules are imported as they were at that moment, whatever happens to their
files: an edit neither reaches the job nor stops it, and no check at the end is needed. Nothing is
checked without `--code`, that is, in a run by hand.
"""

import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.abc import MetaPathFinder, SourceLoader
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

from ecslm.common.equal_code import stands_for
from ecslm.common.errors import InputError
from ecslm.common.hashing import FileState, file_state
from ecslm.fingerprint.digest import SCRIPTS, code_digest

# Where Linux says when a process started, and the number of that field after the program's name.
PROCESS = Path("/proc/self/stat")
START_TICKS = 19


def code_parameter(script: str, modules: Iterable[str] = (), root: Path = SCRIPTS) -> str:
    """The value of a script's `--code`: the digest of its code, as a parameter with a prefix.

    Args:
        script: its file name.
        modules: full names of the modules that it loads by name.

    Raises:
        InputError: a file is missing or is not Python.
    """
    return f"code:{code_digest(script, tuple(modules), root)}"


@contextmanager
def planned_code(script: Path, code: str, modules: Iterable[str]) -> Iterator[str]:
    """Compare a script's code with `code`; in the block, import project modules as they are now.

    Returns:
        The script's code: another one than `code` if both were shown to compute equal bytes.

    Raises:
        InputError: the code was edited since the run was planned.
    """
    root = script.resolve().parent
    edited = InputError(
        f"--code: the code of scripts/{script.name} was edited since the run was planned: run again"
    )
    sources = _Sources(root, edited)
    real = code_parameter(script.name, modules, root)
    if not stands_for(code, real) or _loaded_files_changed(root) or _stale_bytecode_removed(root):
        raise edited
    sources.forget_changed()
    sys.meta_path.insert(0, sources)
    try:
        yield real
    finally:
        sys.meta_path.remove(sources)


class _Sources(MetaPathFinder):
    """Imports project modules from memory."""

    def __init__(self, root: Path, edited: InputError) -> None:
        """Read all Python files below a directory; `edited` is what is wrong with other modules."""
        self._root, self._edited = root, edited
        self._states: dict[Path, FileState] = {}
        self._sources: dict[Path, bytes] = {}
        for path in root.rglob("*.py"):
            # Not an editor's lock file, which is a link to nothing.
            with suppress(OSError):
                # The state first: a file that changes while it is read then has another one.
                self._states[path] = file_state(path)
                self._sources[path] = path.read_bytes()

    def forget_changed(self) -> None:
        """Forget files that changed since they were read: their digest may be that of other
        content. Importing one is an error."""
        for path, state in self._states.items():
            if not path.exists() or file_state(path) != state:
                self._sources.pop(path, None)

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """The module as it was read; None for one that is not of the project."""
        stem = self._root.joinpath(*fullname.split("."))
        package, module = stem / "__init__.py", stem.with_suffix(".py")
        for file in (package, module):
            if file in self._sources:
                return spec_from_file_location(
                    fullname,
                    file,
                    loader=_Loader(str(file), self._sources[file]),
                    submodule_search_locations=[str(stem)] if file == package else None,
                )
            if file in self._states or file.exists():
                raise self._edited
        return None


class _Loader(SourceLoader):
    """Loads one module from source that is in memory."""

    def __init__(self, path: str, source: bytes) -> None:
        self._path, self._source = path, source

    def get_filename(self, _fullname: str) -> str:
        return self._path

    def get_data(self, _path: str) -> bytes:
        return self._source


def _loaded_files_changed(root: Path) -> bool:
    """Whether the file of a module that is already loaded changed since this process started: then
    it is unclear which content was loaded, even if it was put back.

    Relies on the clock of the file system, which a network may set apart from this machine's: one
    ahead refuses jobs for a moment after an edit, one behind misses edits in as short a time.
    """
    started = _started()
    files = [file for file, _ in _loaded(root)]
    return started is not None and any(
        not path.exists() or file_state(path).changed_ns > started for path in files
    )


def _stale_bytecode_removed(root: Path) -> bool:
    """Whether a module was loaded from bytecode of other code than its file has.

    Python tells by the size of the file and the second of its date, which two contents may share,
    for example after their dates were set by a tool that copies or unpacks files. Such bytecode is
    removed, so that the next start does not load it.
    """
    stale = False
    for file, module in _loaded(root):
        spec = module.__spec__
        if spec is None or spec.cached is None or not isinstance(spec.loader, SourceLoader):
            continue
        bytecode = Path(spec.cached)
        try:
            written = bytecode.stat().st_mtime_ns
        except OSError:
            continue
        # Otherwise nothing has happened to the file since then.
        if file_state(file).changed_ns < written:
            continue
        source = spec.loader.source_to_code(file.read_bytes(), str(file))
        if spec.loader.get_code(module.__name__) != source:
            bytecode.unlink(missing_ok=True)
            stale = True
    return stale


def _loaded(root: Path) -> list[tuple[Path, ModuleType]]:
    """The modules below a directory that are loaded, with their files."""
    modules = list(sys.modules.values())
    found = [(getattr(module, "__file__", None), module) for module in modules]
    return [(Path(file), one) for file, one in found if file and file.startswith(f"{root}{os.sep}")]


def _started() -> int | None:
    """When this process started, in nanoseconds since the epoch; None where nothing tells."""
    try:
        ticks = int(PROCESS.read_text().rpartition(")")[2].split()[START_TICKS])
    except (OSError, ValueError, IndexError):
        return None
    if ticks <= 0:
        # Some sandboxes fill in nothing; all files would be newer than the boot.
        return None
    # Rounded up: in its first hundredth of a second, Python has not yet loaded anything.
    since_boot = (ticks + 1) * 10**9 // os.sysconf("SC_CLK_TCK")
    return time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME) + since_boot
