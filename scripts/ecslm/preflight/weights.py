"""Whether weights that are taken from this disk are there."""

from collections.abc import Iterator

from ecslm.common.errors import InputError
from ecslm.plan.base_folders import base_folders, check_base_folders
from ecslm.preflight.findings import Finding, errors_of, ok
from ecslm.preflight.planned_run import PlannedRun


def check_folders(run: PlannedRun) -> Iterator[Finding]:
    """Whether the directory of each base of source `path` is a model directory."""
    try:
        check_base_folders(run.plan.study, run.due)
    except InputError as problems:
        yield from errors_of(problems)
    else:
        if found := base_folders(run.plan.study, run.due):
            yield ok(f"here: {', '.join(found.values())}")
