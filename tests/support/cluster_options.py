"""How tests run Snakemake on their cluster."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from support.cluster import PARTITION
from support.scratch import environment_of_tests

QUICK = Path(__file__).with_name("quick_polling.py")


def start_on_the_cluster(
    project: Path, output: Path, *arguments: str, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Run Snakemake in the background, in a process group of its own; a file takes what it prints.

    Each process starts from nothing, as those of users do.

    Args:
        environment: variables beside those of this process.
    """
    variables, none = environment_of_tests() | dict(environment), subprocess.DEVNULL
    with output.open("wb") as stream:
        return subprocess.Popen(
            [sys.executable, QUICK, *arguments],
            cwd=project,
            stdin=none,
            stdout=stream,
            stderr=stream,
            env=variables,
            start_new_session=True,
        )


ON_CPU = tuple(
    f"{rule}:device=cpu"
    for rule in ("train_adapter", "predict", "measure_latency", "bertscore", "export_model")
)
# Options beside those of profiles/slurm. The cluster has neither accounts nor accounting, is quick,
# and its GPUs are made up.
ON_THE_CLUSTER = (
    *("--workflow-profile", "profiles/slurm"),
    *("--default-resources", f"slurm_partition={PARTITION}", "slurm_account=none"),
    *("runtime=10", "mem_mb=1000", "disk_mb=1000"),
    "--set-resources",
    *ON_CPU,
    *("--slurm-init-seconds-before-status-checks", "1"),
    *("--slurm-status-command", "squeue"),
)
