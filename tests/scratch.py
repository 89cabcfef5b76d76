"""A scratch copy of the project, in which tests run Snakemake as a user would."""

import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PARTS = (
    "Snakefile",
    "config.yaml",
    "requirements.lock",
    "envs",
    "profiles",
    "report",
    "resources",
    "rules",
    "scripts",
)


def copy_project(folder: Path) -> Path:
    """Copy what a run needs into `folder`, which is returned."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, folder / part, ignore=ignored, dirs_exist_ok=True)
        else:
            shutil.copy2(source, folder / part)
    return folder


def snakemake(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Snakemake in a scratch copy; stdout and stderr come as text."""
    return subprocess.run(
        [sys.executable, "-m", "snakemake", *arguments],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
        # The user's own settings must not reach a test.
        env={key: value for key, value in os.environ.items() if not key.startswith("SNAKEMAKE")},
    )


def planned_jobs(output: str) -> Counter[str]:
    """Jobs by rule from a dry run's table; empty when there is nothing to do."""
    lines = output.splitlines()
    starts = [i for i, line in enumerate(lines) if line.split() == ["job", "count"]]
    jobs: Counter[str] = Counter()
    if starts:
        for line in lines[starts[0] + 2 :]:
            if not line.strip():
                break
            rule, count = line.split()
            jobs[rule] = int(count)
    jobs.pop("total", None)
    return jobs
