"""A scratch copy of the project, in which tests run Snakemake as a user would."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.project import ROOT

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
        env=_environment(),
    )


def start_snakemake(
    project: Path, output: Path, *arguments: str, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Run Snakemake in the background; a file, which no kill can close, takes what it prints.

    Args:
        environment: variables beside those of this process.
    """
    with output.open("wb") as stream:
        return subprocess.Popen(
            [sys.executable, "-m", "snakemake", *arguments],
            cwd=project,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env=_environment() | dict(environment),
            # Signals to its process group, as Ctrl-C sends them, must not reach the tests.
            start_new_session=True,
            # Tests that a script runs in the background ignore Ctrl-C, and their children would.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )


@dataclass(frozen=True)
class Job:
    """A job that Snakemake plans: why it would run, and its command; None for a mere target."""

    rule: str
    wildcards: dict[str, str]
    reason: str
    command: str | None

    @property
    def name(self) -> str:
        """The rule, and the wildcards as they stand in paths, as in `score Tiny/seed-0/QPR`."""
        parts = [f"seed-{v}" if k == "seed" else v for k, v in self.wildcards.items()]
        return f"{self.rule} {'/'.join(parts)}".rstrip()


ListJobs = Callable[..., list[Job]]


@contextmanager
def job_lister() -> Iterator[ListJobs]:
    """A function that runs Snakemake in a scratch copy and returns the jobs that it plans.

    It takes the copy and Snakemake's arguments, as `snakemake` does, and needs half the time;
    `environment` has variables beside those of this process.
    """
    command = [sys.executable, str(Path(__file__).with_name("warm_snakemake.py"))]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=_environment(),
        ) as server,
    ):
        printed, jobs = Path(folder) / "printed.txt", Path(folder) / "jobs.jsonl"
        assert server.stdin is not None and server.stdout is not None

        def list_jobs(
            project: Path, *arguments: str, environment: Mapping[str, str] | None = None
        ) -> list[Job]:
            jobs.unlink(missing_ok=True)
            variables = dict(environment or {})
            request = json.dumps([variables, str(project), str(printed), str(jobs), *arguments])
            server.stdin.write(request + "\n")
            server.stdin.flush()
            status = server.stdout.readline()
            assert status == "0\n", printed.read_text(encoding="utf-8")
            lines = jobs.read_text(encoding="utf-8").splitlines()
            return [Job(**json.loads(line)) for line in lines]

        yield list_jobs


def _environment() -> dict[str, str]:
    """This process's environment without the user's settings, which must not reach a test."""
    return {key: value for key, value in os.environ.items() if not key.startswith("SNAKEMAKE")}


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
