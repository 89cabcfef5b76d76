"""Scratch copies of the project, and Snakemake and scripts run in them with their time and memory.

Memory is that of the largest process of a run.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support.scratch import ROOT, copy_project, planned_jobs

__all__ = ["ROOT", "Run", "copy_project", "measured", "snakemake"]

# A small process between a benchmark and what it measures, since a process starts out with the size
# of the one that started it.
BETWEEN = """
import json, resource, subprocess, sys
status = subprocess.call(sys.argv[2:])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "w") as stream:
    json.dump([used.ru_utime + used.ru_stime, used.ru_maxrss], stream)
sys.exit(status)
"""


@dataclass(frozen=True)
class Run:
    """What a run of Snakemake took, and what it printed.

    `cpu_seconds` are those of all its processes; other work on the machine changes them less.
    """

    seconds: float
    cpu_seconds: float
    peak_mib: float
    output: str

    @property
    def jobs(self) -> dict[str, int]:
        """Jobs by rule that a dry run has planned."""
        return dict(sorted(planned_jobs(self.output).items()))


def snakemake(project: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> Run:
    """Run Snakemake in a copy of the project; a failure ends the benchmark with what it printed."""
    # The user's own settings must not reach a measurement.
    variables = {k: v for k, v in os.environ.items() if not k.startswith("SNAKEMAKE")}
    return measured(
        [sys.executable, "-m", "snakemake", *arguments],
        project,
        env=variables | dict(environment or {}),
    )


def measured(command: Sequence[object], folder: Path, **options: Any) -> Run:
    """Run a command in a directory; a failure ends the benchmark with what it printed.

    Args:
        options: of `subprocess.run`.
    """
    with TemporaryDirectory() as temporary:
        usage = Path(temporary) / "usage.json"
        between = [sys.executable, "-S", "-c", BETWEEN, str(usage), *map(str, command)]
        both: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        start = time.perf_counter()
        run = subprocess.run(between, cwd=folder, **both, **options)
        seconds = time.perf_counter() - start
        if run.returncode:
            told = " ".join(map(str, command))
            sys.exit(f"{told}\n{run.stdout}\nfailed in {folder}")
        cpu_seconds, peak = json.loads(usage.read_text(encoding="utf-8"))
    return Run(seconds, cpu_seconds, peak / 1024, run.stdout)  # Linux counts in KiB
