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

# What to do where the system refuses to read or write, for the path.
PERMIT = "`chmod -R u+rwX {}`, as its owner"
FIXES = {
    errno.EACCES: PERMIT,
    errno.EPERM: PERMIT,
    errno.EROFS: "mount its disk for writing, or link `results` to a folder on another one",
    errno.ENOSPC: MAKE_ROOM,
    errno.EDQUOT: MAKE_ROOM,
}


def check_results_folder(study: str) -> None:
    """Refuse a place where no results can be kept, before anything is read from it.

    Raises:
        InputError: `results`, or a folder in it that the study uses, or one of Snakemake's, is no
            folder, or leads nowhere, or may not be read or written.
    """
    # Where there are none yet, they will be made.
    top = [TOP if os.path.lexists(TOP) else Path.cwd()]
    below = [TOP / name for name in sorted({*SHARED - {RUN_LOCK.name}, study})]
    for paths in (top, [*below, RECORDS.parent, RECORDS, INCOMPLETE]):
        if problems := [problem for path in paths for problem in _barriers(path)]:
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
        raise InputError(_problem(Path(error.filename or TOP), error.errno)) from None


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
        read_only = os.statvfs(path).f_flag & os.ST_RDONLY
        yield _problem(path, errno.EROFS if read_only else errno.EACCES)


def _problem(path: Path, number: int | None) -> Problem:
    what = os.strerror(number or 0).lower()
    fix = FIXES.get(number or 0, "").format(path)
    return Problem(f"{what}: {fix}" if fix else what, path)
