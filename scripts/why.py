"""Show what a run would do, why, and how long it takes; or for results what they were built from.

Without files: the jobs that `snakemake --cores all` would run, by cause, the most expensive first.
With files: what each was built from, what has changed since, and whether it will be rebuilt.

examples:
  python scripts/why.py --study demo
  python scripts/why.py results/demo/metrics/SmolLM2-135M-EC/seed-0/SA.json
"""

from collections.abc import Sequence
from pathlib import Path

from ecslm.common.errors import all_of
from ecslm.common.ledger import RESULTS
from ecslm.plan.base_folders import check_base_folders
from ecslm.plan.plan import Plan
from ecslm.provenance.explanation import explain
from ecslm.provenance.history import History
from ecslm.provenance.overview import Overview
from ecslm.provenance.run import Run
from ecslm.schemas.paths import SHARED
from ecslm.script import run_script


def main(
    files: Sequence[Path] = (),
    /,
    configfile: Sequence[Path] = (),
    study: str | None = None,
) -> None:
    """
    Args:
        files: results to explain (default: the whole run)
        configfile: files merged over config.yaml
        study: entry of `studies` (default: the configuration's `study`)
    """
    if not files:
        plan = Plan.read(configfile, study)
        # As before a run, which would be refused for the same reasons.
        all_of(plan.check, Run(plan).check)
        overview = Overview.of(plan)
        check_base_folders(plan.study, {job.manifest for job in overview.planned})
        print(overview)
    for path in files:
        history = History.of_study(configfile, study or study_of(path))
        print(explain(history, path))


def study_of(path: Path) -> str | None:
    """The study that a result belongs to; None for base weights, which studies share."""
    folder, name, *_ = (*path.parts, "", "")
    return name if folder == RESULTS and name not in {"", *SHARED} else None


if __name__ == "__main__":
    run_script(main)
