"""Scratch copies of the project, and Snakemake run in them with its time and memory measured.

Memory is that of the largest process of a run. A process starts out with the size of the one that
started it, so a benchmark that uses this must itself stay small: it imports no torch.
"""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support.scratch import ROOT, copy_project, planned_jobs

__all__ = ["ROOT", "Run", "copy_project", "snakemake"]


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
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "snakemake", *arguments],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=variables | dict(environment or {}),
    )
    assert process.stdout is not None, "asked for above"
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"snakemake {' '.join(arguments)}\n{output}\nfailed in {project}")
    cpu_seconds = usage.ru_utime + usage.ru_stime
    return Run(seconds, cpu_seconds, usage.ru_maxrss / 1024, output)  # Linux counts in KiB
