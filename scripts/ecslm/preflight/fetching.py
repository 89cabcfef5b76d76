"""Checks whether a run can fetch what is not on the hub."""

from collections.abc import Iterator

from ecslm.preflight.findings import Finding, error, ok
from ecslm.preflight.planned_run import PlannedRun


def check_downloads(run: PlannedRun) -> Iterator[Finding]:
    """Whether the servers have everything that is going to be fetched."""
    reached = []
    for one in run.downloads:
        reply = run.replies[one]
        if reply.state == "ok":
            reached.append(one.what)
        else:
            yield error(f"{one.what}: cannot be fetched ({reply.reason})", one.where, one.fix)
    if reached:
        yield ok(f"can be fetched: {', '.join(reached)}")
