"""Show what a run would do, why, and how long it takes; or for results what they were built from.

Without files: what `snakemake --cores all` would run, by what has changed, that with the most jobs
of models first.
With files: what each was built from, what has changed since, and whether it will be rebuilt.

examples:
  python scripts/why.py --study demo
  python scripts/why.py results/demo/metrics/SmolLM2-135M-EC/seed-0/SA.json
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ecslm.plan.checks import check_named_files
from ecslm.plan.inputs import check_base_folders
from ecslm.plan.study import Choice
from ecslm.provenance.dag import read_dag
from ecslm.provenance.overview import overview
from ecslm.provenance.run import Run
from ecslm.provenance.why import explain
from ecslm.schemas.paths import SHARED, TOP
from ecslm.script import run_script


def main(choice: Choice, files: Sequence[Path] = (), /) -> None:
    """
    Args:
        files: results to explain (default: the whole run)
    """
    if files and not choice.study:
        choice = replace(choice, study=study_of(files[0]))
    chosen = choice.read()
    run = Run(chosen)
    if not files:
        # As before a run, which would be refused for the same reasons.
        check_named_files(chosen)
    targets = list(map(str, files)) or ["all"]
    with read_dag(choice, targets) as dag:
        jobs = dag.jobs
    for path in files:
        print(explain(jobs, path))
    if not files:
        run.check(jobs)
        due = [job for job in jobs if job.due]
        run.check_data(due)
        check_base_folders(chosen, {path for job in due for path in job.files})
        print(overview(chosen.name, jobs))


def study_of(path: Path) -> str | None:
    """The study that a result belongs to; None for base weights, which studies share."""
    folder, name, *_ = (*path.parts, "", "")
    return name if folder == TOP.name and name not in {"", *SHARED} else None


if __name__ == "__main__":
    run_script(main)
