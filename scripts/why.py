"""Show what a run would do, why, and how long it takes; or for results what they were built from.

Without files: the jobs that `snakemake --cores all` would run, by cause, the most expensive first.
With files: what each was built from, what has changed since, and whether it will be rebuilt.
"""

import argparse
from pathlib import Path

from ecslm.common.cli import run_script
from ecslm.common.digest_cache import load_digests
from ecslm.common.errors import InputError, all_of
from ecslm.config.options import add_study_options
from ecslm.plan.base_folders import check_base_folders
from ecslm.plan.plan import Plan
from ecslm.provenance.changes import Changes
from ecslm.provenance.dag import read_dag
from ecslm.provenance.explanation import explain
from ecslm.provenance.overview import Overview
from ecslm.provenance.run import Run
from ecslm.schemas.paths import DIGESTS, SHARED, TOP

EPILOG = """\
examples:
  %(prog)s --study demo
  %(prog)s results/demo/metrics/SmolLM2-135M-EC/seed-0/SA.json
"""


def main(arguments: argparse.Namespace) -> None:
    """Explain the study, or each file."""
    load_digests(DIGESTS)
    studies = {path: arguments.study or study_of(path) for path in arguments.files}
    if len(set(studies.values())) > 1:
        raise InputError("results of one study at a time")
    study = next(iter(studies.values()), arguments.study)
    plan = Plan.read(arguments.configfile, study)
    run = Run(plan)
    targets = list(map(str, arguments.files)) or ["all"]
    with read_dag(arguments.configfile, study, targets) as dag:
        jobs = dag.jobs
    if arguments.files:
        changes = Changes(jobs)
        for path in arguments.files:
            print(explain(changes, path))
        return
    # As before a run, which would be refused for the same reasons.
    all_of(plan.check, lambda: run.check([job for job in jobs if Path(job.manifest).exists()]))
    overview = Overview.of(plan, jobs)
    due = {path for job in overview.planned for path in job.files}
    run.check_data(due)
    check_base_folders(plan.study, due)
    print(overview)


def study_of(path: Path) -> str | None:
    """The study that a result belongs to; None for base weights, which studies share."""
    folder, name, *_ = (*path.parts, "", "")
    return name if folder == TOP.name and name not in {"", *SHARED} else None


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "files", nargs="*", type=Path, help="results to explain (default: the whole run)"
    )
    add_study_options(parser)
    return parser


if __name__ == "__main__":
    run_script(main, command_line())
