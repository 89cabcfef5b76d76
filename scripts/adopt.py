"""Adopt results that were built elsewhere: verify all of them, then let Snakemake record them.

For a fresh clone into which `results/` was copied, and for one whose `.snakemake/` was lost.
"""

from ecslm.common.hashing import load_digests, save_digests
from ecslm.common.locks import held
from ecslm.plan.study import Choice
from ecslm.provenance.dag import read_dag
from ecslm.provenance.why import align_times, record_code, verified
from ecslm.schemas.paths import DIGESTS, RUN_LOCK
from ecslm.script import run_script


def main(choice: Choice) -> None:
    """Verify and record."""
    load_digests(DIGESTS)
    # Names each problem of the configuration with its place.
    choice.read()
    with held(RUN_LOCK, "results", wait=False):
        with read_dag(choice, None) as dag:
            jobs = verified(dag.jobs)
            align_times(jobs)
            dag.record(jobs)
            record_code()
        save_digests(DIGESTS)
    print(f"verified and recorded: the results of {len(jobs)} of {len(dag.jobs)} jobs")


if __name__ == "__main__":
    run_script(main)
