"""Show what a run would do, why, and how long it takes; or for results what they were built from.

Without files: the jobs that `snakemake --cores all` would run, by cause, the most expensive first.
With files: what each was built from, what has changed since, and whether it will be rebuilt.
"""

import argparse
from pathlib import Path

from ecslm.common.cli import run_script
from ecslm.common.errors import all_of
from ecslm.common.ledger import RESULTS
from ecslm.config.options import add_study_options
from ecslm.plan.base_folders import check_base_folders
from ecslm.plan.plan import Plan
from ecslm.provenance.explanation import explain
from ecslm.provenance.history import History
from ecslm.provenance.overview import Overview
from ecslm.provenance.run import Run
from ecslm.schemas.paths import SHARED

EPILOG = """\
examples:
  %(prog)s --study demo
  %(prog)s results/demo/metrics/SmolLM2-135M-EC/seed-0/SA.json
"""


def main(arguments: argparse.Namespace) -> None:
    """Explain the study, or each file."""
    if not arguments.files:
        plan = Plan.read(arguments.configfile, arguments.study)
        # As before a run, which would be refused for the same reasons.
        all_of(plan.check, Run(plan).check)
        overview = Overview.of(plan)
        check_base_folders(plan.study, {job.manifest for job in overview.planned})
        print(overview)
    for path in arguments.files:
        study = arguments.study or study_of(path)
        print(explain(History.of_study(arguments.configfile, study), path))


def study_of(path: Path) -> str | None:
    """The study that a result belongs to; None for base weights, which studies share."""
    folder, name, *_ = (*path.parts, "", "")
    return name if folder == RESULTS and name not in {"", *SHARED} else None


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
