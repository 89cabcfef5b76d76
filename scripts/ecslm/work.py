"""The work folder of a long job: what it has finished, kept over a kill, owned by one process."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ecslm.files import InputError, canonical_json, sha256_of_text


@contextmanager
def work_folder(output: Path, made_from: object) -> Iterator[Path]:
    """A folder beside `output` for unfinished work on it, locked while the block runs.

    Its name is a digest of `made_from`, everything that decides the result, so that work begun
    under other settings, code or data is never continued. Other folders of the same output are
    such leftovers and are removed. The folder itself is removed when the block succeeds.

    Raises:
        InputError: another process is at work on this output.
    """
    root = output.parent / "work"
    root.mkdir(parents=True, exist_ok=True)
    lock = FileLock(root / f"{output.name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(
            f"{output}: another process is making it (it holds {lock.lock_file}): "
            "wait for it or stop it, then run again"
        ) from None
    try:
        folder = root / f"{output.name}.{sha256_of_text(canonical_json(made_from))[:16]}"
        for leftover in root.glob(f"{output.name}.*/"):
            if leftover != folder:
                shutil.rmtree(leftover)
        folder.mkdir(exist_ok=True)
        yield folder
        shutil.rmtree(folder)
    finally:
        lock.release()
