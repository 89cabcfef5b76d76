"""One run of Snakemake in this folder: what it checks first, notes, and clears up."""

import time
from pathlib import Path

from ecslm.common.workdir import clear_finished
from ecslm.plan.plan import Plan
from ecslm.provenance.checks import check_local_data, check_source
from ecslm.provenance.code_history import keep_code
from ecslm.provenance.integrity import check_results
from ecslm.provenance.run_lock import leave_folder, own_folder
from ecslm.provenance.snakemake_records import check_recorded, unfinished_results


class Run:
    """What a run does beside its jobs."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._started = time.time()

    def check(self) -> None:
        """Look at the results and at the data source before anything uses them.

        Raises:
            InputError: results were altered, are not recorded, or cannot be rebuilt; or rows of the
                source cannot be used.
        """
        jobs = self._plan.jobs
        unfinished = self._unfinished()
        check_recorded(self._plan.study.name, jobs, unfinished)
        check_results(jobs, unfinished)
        check_source(self._plan)
        check_local_data(self._plan)

    def begin(self) -> None:
        """Own the results folder, and note what the code consists of.

        Raises:
            InputError: another run is going on in this folder, or has been since this one looked.
        """
        own_folder(self._started)
        keep_code(self._plan.jobs)

    def end(self) -> None:
        """Remove the copies that jobs have kept of results which are recorded now; leave the
        folder."""
        clear_finished(Path(self._plan.study.results), self._unfinished())
        leave_folder()

    def _unfinished(self) -> frozenset[str]:
        return unfinished_results(job.manifest for job in self._plan.jobs)
