"""Removal of results, with all records of them."""

import contextlib
from collections.abc import Collection, Iterable
from pathlib import Path

from ecslm.common.ledger import RESULTS, ledger_record
from ecslm.common.locks import held
from ecslm.provenance.snakemake_records import remove_records


def remove(files: Collection[Path]) -> None:
    """Remove files below `results/`, the records of them, and directories that are empty then.

    Interrupted, it can be repeated: manifests go after the results that they describe.

    Raises:
        InputError: a process is still making one of them; nothing is removed.
    """
    locks = [path for path in files if path.suffix == ".lock"]
    with contextlib.ExitStack() as stack:
        for lock in locks:
            stack.enter_context(held(lock, str(lock.with_suffix("")), wait=False))
        for path in sorted(set(files) - set(locks), key=_is_manifest):
            path.unlink(missing_ok=True)
    for lock in locks:
        lock.unlink(missing_ok=True)
    records = [record for path in files if (record := ledger_record(path))]
    for record in records:
        record.unlink(missing_ok=True)
    remove_records(path.as_posix() for path in files)
    _remove_empty([*files, *records])


def _is_manifest(path: Path) -> bool:
    return path.name.endswith("manifest.json")


def _remove_empty(removed: Iterable[Path]) -> None:
    folders = {folder for path in removed for folder in path.parents}
    for folder in sorted(folders, key=lambda path: len(path.parts), reverse=True):
        if Path(RESULTS) in folder.parents:
            # Not empty, or gone already.
            with contextlib.suppress(OSError):
                folder.rmdir()
