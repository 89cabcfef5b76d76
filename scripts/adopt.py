"""Adopt results that were built elsewhere: verify all of them, then let Snakemake record them.

For a fresh clone into which `results/` was copied, and for one whose `.snakemake/` was lost.
"""

import argparse

from ecslm.common.cli import run_script
from ecslm.common.digest_cache import load_digests, save_digests
from ecslm.common.locks import held
from ecslm.config.options import add_study_options
from ecslm.plan.plan import Plan
from ecslm.provenance.adoption import align_times, verified
from ecslm.provenance.code_history import record_code
from ecslm.provenance.dag import read_dag
from ecslm.schemas.paths import DIGESTS, RUN_LOCK


def main(arguments: argparse.Namespace) -> None:
    """Verify and record the results, and print their number."""
    load_digests(DIGESTS)
    # Names each problem of the configuration with its place.
    Plan.read(arguments.configfile, arguments.study)
    with held(RUN_LOCK, "results", wait=False):
        with read_dag(arguments.configfile, arguments.study, None) as dag:
            jobs = verified(dag.jobs)
            align_times(jobs)
            dag.record(jobs)
            record_code()
        save_digests(DIGESTS)
    print(f"verified and recorded: the results of {len(jobs)} of {len(dag.jobs)} jobs")


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_study_options(parser)
    return parser


if __name__ == "__main__":
    run_script(main, command_line())
