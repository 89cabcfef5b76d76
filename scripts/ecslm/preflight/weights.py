"""Whether weights that are taken from this disk are there."""

from collections.abc import Iterator
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.models.bases import PathSource
from ecslm.models.fetching import require_model
from ecslm.preflight.findings import Finding, error, ok
from ecslm.preflight.planned_run import PlannedRun


def check_folders(run: PlannedRun) -> Iterator[Finding]:
    """Whether the directory of each base of source `path` is a model directory."""
    found = []
    for job in run.jobs:
        if job.rule != "base_model":
            continue
        base = job.key["base"]
        source = run.plan.study.config.bases[base]
        if isinstance(source, PathSource):
            try:
                require_model(Path(source.path), source.path)
            except InputError as problems:
                fix = f"put the model there, or set `run: false` for the models on {base}"
                for problem in problems.problems:
                    yield error(problem, f"bases.{base}.path", fix)
            else:
                found.append(source.path)
    if found:
        yield ok(f"here: {', '.join(found)}")
