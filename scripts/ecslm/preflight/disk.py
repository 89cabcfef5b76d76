"""Checks whether the disk has room for what a run is going to write."""

from collections.abc import Iterator

from ecslm.preflight.findings import Finding, error, ok
from ecslm.preflight.planned_run import PlannedRun
from ecslm.provenance.disk import disks


def check_room(run: PlannedRun) -> Iterator[Finding]:
    """What a run is sure to write on each disk, and what is free there."""
    found = disks(run.plan, run.due)
    if not found:
        yield ok("no weights and no adapters to write whose size is known")
    for disk in found:
        if disk.fits:
            yield ok(disk.summary(), needed_bytes=disk.needed, free_bytes=disk.free)
        else:
            yield error(disk.shortage(), str(disk.folder), disk.FIX)
