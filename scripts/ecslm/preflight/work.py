"""Counts the jobs that a run would do."""

from collections.abc import Iterator

from ecslm.preflight.findings import Finding, ok
from ecslm.preflight.planned_run import PlannedRun
from ecslm.provenance.overview import counts_by_kind


def count_jobs(run: PlannedRun) -> Iterator[Finding]:
    """How many jobs of each kind it would run."""
    if run.jobs:
        yield ok(f"{len(run.jobs):,}: {counts_by_kind(run.jobs)}", jobs=len(run.jobs))
    else:
        yield ok("none: all results are up to date", jobs=0)
