"""Checks whether there is a folder of results that a run can read and write."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ecslm.common.errors import InputError, Problem
from ecslm.provenance.snakemake_records import INCOMPLETE, RECORDS
from ecslm.reports.run_display import MAKE_ROOM
from ecslm.schemas.paths import RUN_LOCK, SHARED, TOP

# In `results`, beside those of studies.
FOLDERS = SHARED - {RUN_LOCK.name}
# What to do where the system refuses to read or write.
FIXES = {
    errno.EROFS: "mount its disk for writing, or link `results` to a folder on another one",
    errno.ENOSPC: MAKE_ROOM,
    errno.EDQUOT: MAKE_ROOM,
    errno.ENOTDIR: "move away the file that stands where a folder must be",
    errno.EEXIST: "move away the file that stands where a folder must be",
    errno.EIO: "check whether its disk is damaged",
    errno.ESTALE: "mount its disk again",
}


def check_results_folder(study: str) -> None:
    """Refuse a place where no results can be kept, before anything is read from it.

    Raises:
        InputError: `results`, or a folder in it that the study uses, is no folder, or leads
            nowhere, or may not be read or written; or a file of the study is no file.
    """
    top = TOP
    # Where there is none yet, it will be made.
    problems = list(_barriers(top if os.path.lexists(top) else Path.cwd()))
    if not problems:
        problems = [one for name in sorted({*FOLDERS, study}) for one in _barriers(top / name)]
    if not problems:
        problems = [*_barriers_below(top / study), *_barriers(RECORDS.parent)]
        problems += [one for place in (RECORDS, INCOMPLETE) for one in _barriers(place)]
    if problems:
        raise InputError(*problems)


@contextmanager
def os_errors_told() -> Iterator[None]:
    """Report errors of the operating system in this block as problems that the user can fix.

    Raises:
        InputError: a file cannot be read or written.
    """
    try:
        yield
    except OSError as error:
        path = Path(error.filename or TOP)
        yours = _permission(path) if error.errno in (errno.EACCES, errno.EPERM) else None
        what = (error.strerror or str(error)).lower()
        fix = yours or FIXES.get(error.errno or 0, "")
        raise InputError(Problem(": ".join(filter(None, (what, fix))), path)) from None


def _barriers(path: Path) -> Iterator[Problem]:
    """Why nothing can be kept in a folder; none for a folder that does not exist."""
    if path.is_symlink() and not path.exists():
        yield Problem(
            f"a link to {path.readlink()}, which is not here: make that folder, or mount its disk",
            path,
        )
    elif path.exists() and not path.is_dir():
        yield Problem(f"is a file; expected a folder: move it away (`mv {path} {path}.old`)", path)
    elif path.exists() and not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        if os.statvfs(path).f_flag & os.ST_RDONLY:
            yield Problem(f"read-only file system: {FIXES[errno.EROFS]}", path)
        else:
            yield Problem(f"you may not read and write there: {_permission(path)}", path)


def _barriers_below(folder: Path) -> Iterator[Problem]:
    """The barriers of the folders in a folder."""
    for place, folders, _ in os.walk(folder):
        barriers = {name: list(_barriers(Path(place, name))) for name in sorted(folders)}
        folders[:] = [name for name, found in barriers.items() if not found]
        for found in barriers.values():
            yield from found


def _permission(path: Path) -> str:
    """How to get permission to use a file or folder, for the first path that denies it."""
    for place in (*reversed(path.parents), path):
        needed = os.R_OK | os.W_OK | (os.X_OK if place.is_dir() else 0)
        if place != Path() and not os.access(place, needed):
            owner = place.stat().st_uid
            who = "" if owner == os.geteuid() else f", as user {owner}, who owns it"
            return f"`chmod -R u+rwX {place}`{who}"
    return f"`chmod -R u+rwX {path}`"
