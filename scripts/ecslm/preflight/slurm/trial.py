"""A short job that finds out what the jobs of a run would meet on a node."""

import os
import secrets
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from filelock import FileLock
from pydantic import ValidationError

from ecslm.preflight.slurm.asked import Place
from ecslm.preflight.slurm.on_node import ANSWERED, LOCKED, SENT, NodeReport

RESULTS = Path("results")
SCRIPT = Path("scripts/check_node.py")
# How long to wait for a node, and how long the job may take.
SECONDS_TO_START, MINUTES, MEMORY_MB = 30, 1, 1000
# Seconds until the job is given up, and until `srun` has ended it.
MOST_SECONDS, SECONDS_TO_END = SECONDS_TO_START + 60 * MINUTES + 15, 10
# Options of `srun` for what a job's place says.
OPTIONS = {
    "slurm_partition": "partition",
    "slurm_account": "account",
    "qos": "qos",
    "constraint": "constraint",
}
# Set in a job of SLURM: a command there would belong to that job.
JOB = "SLURM_JOB_ID"


@dataclass(frozen=True)
class Trial:
    """What came of it."""

    report: NodeReport | None
    """The report of the node; None if the script did not run to its end."""
    printed: str = ""
    """What `srun` and the script wrote to stderr."""
    in_time: bool = True
    answered: bool = False
    """Whether what the node wrote is seen here."""
    received: bool = False
    """Whether the node has seen what was written here."""
    lock_problem: str = ""
    """Why no lock could be held here that other machines see."""


def try_node(place: Place, gpus: int, variables: Sequence[str], asks_driver: bool) -> Trial:
    """Run the script on a node, which leaves nothing behind.

    Args:
        gpus: how many the job asks for.
        variables: environment variables that jobs need.
        asks_driver: whether jobs run models on GPUs.
    """
    RESULTS.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".check-", dir=RESULTS) as name:
        folder, sent = Path(name), secrets.token_hex()
        (folder / SENT).write_text(sent, encoding="utf-8")
        with _held(folder / LOCKED) as lock_problem:
            command = (
                *("srun", *_options(place, gpus), "--", sys.executable, str(SCRIPT)),
                *("--folder", str(folder)),
                *(option for variable in variables for option in ("--variable", variable)),
                *(["--driver"] if asks_driver else []),
            )
            try:
                stdout, stderr = _run(command)
            except subprocess.TimeoutExpired:
                return Trial(None, in_time=False)
        report = _report(stdout)
        answer = folder / ANSWERED
        return Trial(
            report=report,
            printed=stderr,
            answered=answer.is_file() and answer.read_text(encoding="utf-8") == sent,
            received=report is not None and report.received == sent,
            lock_problem=lock_problem,
        )


def outside_of_jobs(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without the variables of a SLURM job, as the executor has it."""
    if JOB not in environment:
        return dict(environment)
    return {
        key: value
        for key, value in environment.items()
        if not key.startswith("SLURM_") or key == "SLURM_CONF"
    }


def _options(place: Place, gpus: int) -> Iterator[str]:
    yield from ("--quiet", "--job-name=ecslm-check", "--ntasks=1", "--cpus-per-task=1")
    yield from (f"--time={MINUTES}", f"--mem={MEMORY_MB}", f"--immediate={SECONDS_TO_START}")
    # As jobs are sent.
    yield from ("--export=ALL", "--input=none", f"--chdir={Path.cwd()}")
    for name, option in OPTIONS.items():
        if value := getattr(place, name):
            yield f"--{option}={value}"
    if gpus:
        yield f"--gpus={place.gpu_model}:1" if place.gpu_model else "--gpus=1"
    yield from shlex.split(place.slurm_extra)


@contextmanager
def _held(path: Path) -> Iterator[str]:
    """Hold a lock as jobs do, or say why not."""
    lock, problem = FileLock(path, fallback_to_soft=False), ""
    try:
        lock.acquire(timeout=0)
    except OSError as error:
        problem = str(error.strerror)
    try:
        yield problem
    finally:
        lock.release()


def _run(command: Sequence[str]) -> tuple[str, str]:
    """Run `srun`, which ends its job when it is told to end, and before this goes on."""
    with subprocess.Popen(
        command,
        env=outside_of_jobs(os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        # Ctrl-C reaches it as SIGTERM: the first SIGINT would only make it tell of the job.
        start_new_session=True,
    ) as process:
        try:
            return process.communicate(timeout=MOST_SECONDS)
        except BaseException:
            process.terminate()
            try:
                process.communicate(timeout=SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                process.kill()
            raise


def _report(stdout: str) -> NodeReport | None:
    """The last line, after what a cluster's prologue may print."""
    for line in reversed(stdout.splitlines()):
        try:
            return NodeReport.model_validate_json(line)
        except ValidationError:
            continue
    return None
