"""Whether the disk takes what a run is going to write, and has room for it."""

import os
from collections.abc import Iterator
from pathlib import Path

from ecslm.preflight.findings import Finding, error, ok
from ecslm.preflight.planned_run import PlannedRun
from ecslm.provenance.disk import disks

RESULTS = Path("results")


def check_room(run: PlannedRun) -> Iterator[Finding]:
    """What a run is sure to write on each disk, and what is free there."""
    yield from _place()
    found = disks(run.plan, run.due)
    if not found:
        yield ok("no weights and no adapters to write whose size is known")
    for disk in found:
        if disk.fits:
            yield ok(disk.summary(), needed_bytes=disk.needed, free_bytes=disk.free)
        else:
            yield error(disk.shortage(), str(disk.folder), disk.FIX)


def _place() -> Iterator[Finding]:
    """Why nothing can be written into the folder of results, if so."""
    if RESULTS.is_symlink() and not RESULTS.exists():
        yield error(
            f"a link to {RESULTS.readlink()}, which is not here",
            str(RESULTS),
            "make that folder, or mount its disk",
        )
        return
    folder = RESULTS if RESULTS.exists() else Path()
    if not os.access(folder, os.W_OK | os.X_OK):
        yield error("you cannot write there", str(folder.resolve()), "have it made writable")
