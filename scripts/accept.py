"""Accept other code, or other versions of libraries, that compute the same results.

Use it after an edit or an upgrade that should change no result. The smallest finished adapters,
predictions and BERTScores that a run would compute again are computed in a scratch directory.
If all bytes are equal, and every definition that has changed was executed, this is recorded, and a
run computes none of them again. Otherwise what differs is printed. Costs and times are not
compared. Compute where the results come from: other CPUs and GPUs round differently.

examples:
  python scripts/accept.py --study demo
  python scripts/accept.py --revoke 0123456789abcdef
"""

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ecslm.common.errors import all_of
from ecslm.common.locks import held
from ecslm.plan.checks import check_named_files
from ecslm.plan.study import Choice
from ecslm.provenance.acceptance import Finished, accept, finished_jobs, groups_of, revoked, samples
from ecslm.provenance.dag import read_dag
from ecslm.provenance.run import Run
from ecslm.schemas.paths import RUN_LOCK
from ecslm.script import run_script


def main(choice: Choice, revoke: str | None = None) -> None:
    """
    Args:
        revoke: take back what was accepted: the name of a record, without .json
    """
    with held(RUN_LOCK, "results", wait=False):
        if revoke:
            for path in revoked(revoke):
                print(f"removed {path}")
            return
        # Nothing is shown by results that a run would refuse.
        chosen = choice.read()
        run = Run(chosen)
        check_named_files(chosen)
        with read_dag(choice) as dag:
            run.check(dag.jobs)
            groups = [
                (group, [(one, dag.command(one.job)) for one in samples(group)])
                for group in groups_of(finished_jobs(dag.jobs))
            ]
        if not groups:
            print("nothing to accept: no finished results are due for their code or versions alone")
        all_of(*(partial(compute, *one) for one in groups))


def compute(group: Sequence[Finished], computed: Sequence[tuple[Finished, str]]) -> None:
    """Compute samples of a group again, each with its command, and say what was recorded."""
    print(f"{group[0].job.rule}: computing {len(computed)} of {len(group)} again", flush=True)
    with tempfile.TemporaryDirectory(prefix="ecslm-accept-") as folder:
        for path in accept(group, computed, Path(folder)):
            print(f"  equal: recorded in {path}", flush=True)


if __name__ == "__main__":
    run_script(main)
