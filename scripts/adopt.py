"""Adopt results that were built elsewhere: verify all of them, then let Snakemake record them.

For a fresh clone into which `results/` was copied, and for one whose `.snakemake/` was lost.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ecslm.common.digest_cache import save_digests
from ecslm.common.errors import InputError
from ecslm.common.locks import held
from ecslm.provenance.adoption import align_times, record_verified, verified
from ecslm.provenance.history import History
from ecslm.provenance.snakemake_records import ADOPTING
from ecslm.schemas.paths import DIGESTS, RUN_LOCK
from ecslm.script import run_script


def main(configfile: Sequence[Path] = (), study: str | None = None) -> None:
    """
    Args:
        configfile: files merged over config.yaml
        study: entry of `studies` (default: the configuration's `study`)
    """
    with held(RUN_LOCK, "results", wait=False):
        history = History.of_study(configfile, study)
        jobs = verified(history)
        save_digests(DIGESTS)
        record_verified(jobs)
        if jobs:
            files = [path for job in jobs for path in (*job.results, job.manifest)]
            record(files, history.study, configfile)
            align_times(jobs)
    print(f"verified and recorded: the results of {len(jobs)} of {len(history.jobs)} jobs")


def record(files: Sequence[str], study: str, configfiles: Sequence[Path]) -> None:
    """Let Snakemake record the files as built by the current rules."""
    configuration = ["--configfile", *map(str, configfiles)] if configfiles else []
    run = subprocess.run(
        [
            *(sys.executable, "-m", "snakemake", "--touch", "--forceall", "--no-hooks"),
            *("--quiet", "all", *configuration, "--config", f"study={study}", "--", *files),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env={**os.environ, ADOPTING: "yes"},
    )
    if run.returncode:
        output = run.stdout.strip()
        raise InputError(f"snakemake --touch failed, so not all results are recorded: {output}")


if __name__ == "__main__":
    run_script(main)
