"""Jobs of one machine, each a process, and what is left of them when they are killed."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import pytest
from support.gpu_job import GPUS
from support.project import ROOT, SCRIPTS

from ecslm.common import devices, locks
from ecslm.common.errors import InputError
from ecslm.common.locks import DEVICES_VARIABLE, RUN_VARIABLE, private_folder
from ecslm.common.worker import LEASE_VARIABLE

SUPPORT = ROOT / "tests/support"
PATHS = {"PYTHONPATH": f"{SCRIPTS}{os.pathsep}{ROOT / 'tests'}"}
OF_JOBS = (DEVICES_VARIABLE, LEASE_VARIABLE, RUN_VARIABLE, devices.SCHEDULER_VARIABLE)


class Job:
    """A process of `gpu_job.py`."""

    def __init__(self, folder: Path, log: Path, variables: dict[str, str]) -> None:
        inherited = {name: text for name, text in os.environ.items() if name not in OF_JOBS}
        self.folder, self._log = folder, log
        with log.open("wb") as stream:
            self.process = subprocess.Popen(
                [sys.executable, str(SUPPORT / "gpu_job.py"), str(folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stream,
                env=inherited | PATHS | variables,
            )

    @property
    def log(self) -> str:
        """What it has logged."""
        return self._log.read_text()

    def answered(self, seconds: float = 0.0) -> bool:
        """Whether it has answered, or ended."""
        return bool(select.select([self.process.stdout], [], [], seconds)[0])

    def reply(self) -> Any:
        """What it says to the command."""
        assert self.answered(60), self.log
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())

    def does(self, *command: Any) -> Any:
        """The value of a command."""
        self.tell(*command)
        return self.reply()

    def tell(self, *command: Any) -> None:
        """Send a command."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps(command).encode() + b"\n")
        self.process.stdin.flush()

    def waits(self, *command: Any, words: str) -> None:
        """Send a command that cannot be fulfilled yet, which the log then says."""
        self.tell(*command)
        end = time.monotonic() + 60
        while words not in self.log:
            assert time.monotonic() < end, self.log
            time.sleep(0.005)
        assert not self.answered()

    def kill(self) -> None:
        """`kill -9`."""
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """Let it end by itself."""
        self.process.communicate(timeout=60)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Job]]:
    """Starts jobs of one machine."""
    # The path of a socket must be short.
    with TemporaryDirectory(dir="/tmp") as folder, ExitStack() as stack:

        def start(**variables: str) -> Job:
            log = tmp_path / str(len(list(tmp_path.iterdir())))
            stack.callback((job := Job(Path(folder), log, variables)).kill)
            return job

        yield start


@pytest.fixture
def run_variable() -> Iterator[Callable[[], dict[str, str]]]:
    """Starts processes that stand for Snakemake; returns what their jobs' environment has."""
    with ExitStack() as stack:

        def new() -> dict[str, str]:
            process = stack.enter_context(subprocess.Popen(["sleep", "1000"]))
            stack.callback(process.kill)
            return {RUN_VARIABLE: str(process.pid)}

        yield new


Start = Callable[..., Job]


@pytest.mark.parametrize("stop", [Job.kill, Job.end])
def test_a_job_has_a_device_alone_and_waits_for_the_first_that_is_free_however_a_job_ended(
    stop: Callable[[Job], None], start: Start
) -> None:
    jobs = [start() for _ in GPUS]
    assert [job.does("take") for job in jobs] == [*GPUS]
    assert jobs[1].log == "device: GPU 1 of 3, NVIDIA A100, GPU-b\n"
    waiting, two = start(), start(CUDA_VISIBLE_DEVICES="2,GPU-b")
    waiting.waits("take", words="waiting for 1 of 3 GPUs")
    two.waits("take", 2, words="waiting for 2 of 2 GPUs")
    stop(jobs[1])
    # The one that wants two holds none of those that are free.
    assert waiting.reply() == "GPU-b"
    for job in (jobs[2], waiting):
        job.kill()
    assert two.reply() == "GPU-c,GPU-b"


def test_under_slurm_the_scheduler_gives_the_device_and_jobs_share_out_too_many(
    start: Start,
) -> None:
    job = start(SLURM_JOB_ID="1", CUDA_VISIBLE_DEVICES="1")
    assert job.does("take") == "1"
    assert LEASE_VARIABLE not in job.does("environment")
    assert job.log == "device: as SLURM gives it, CUDA_VISIBLE_DEVICES=1\n"
    jobs = [start(SLURM_JOB_ID="1", CUDA_VISIBLE_DEVICES="0,2") for _ in range(2)]
    assert [job.does("take") for job in jobs] == ["GPU-a", "GPU-c"]


def is_there(number: int) -> bool:
    """Whether a process runs; nobody may have asked for its exit status yet."""
    return psutil.pid_exists(number) and psutil.Process(number).status() != psutil.STATUS_ZOMBIE


def test_a_job_finds_the_worker_of_its_run_on_a_device_which_leaves_for_others(
    start: Start, run_variable: Callable[[], dict[str, str]]
) -> None:
    run = run_variable()
    first, beside = start(CUDA_VISIBLE_DEVICES="GPU-b", **run), start(**run)
    assert first.does("take") == "GPU-b"
    worker = first.does("worker")
    assert beside.does("take") == "GPU-a"
    assert beside.does("worker") != worker, "of other devices"
    first.end()
    again = start(CUDA_VISIBLE_DEVICES="GPU-b,GPU-c", **run)
    assert (again.does("take"), again.does("worker")) == ("GPU-b", worker)
    again.kill()
    assert is_there(worker)
    other = start(CUDA_VISIBLE_DEVICES="GPU-b", **run_variable())
    assert (other.does("take"), is_there(worker)) == ("GPU-b", True)
    of_other = other.does("worker")
    assert of_other != worker and not is_there(worker)
    other.kill()
    assert start(CUDA_VISIBLE_DEVICES="GPU-b,GPU-c").does("take", 2) == "GPU-b,GPU-c"
    assert not is_there(of_other), "a job by hand has no worker"


def test_a_link_or_open_folder_in_place_of_the_private_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "TEMPORARY", tmp_path)
    folder = private_folder()
    assert private_folder() == folder
    folder.chmod(0o770)
    for _ in range(2):
        with pytest.raises(InputError, match="not a private directory of yours: have its owner"):
            private_folder()
        folder.rmdir() if not folder.is_symlink() else folder.unlink()
        folder.symlink_to(tmp_path)


def test_of_many_jobs_that_are_killed_at_random_no_two_have_a_device_at_once(start: Start) -> None:
    ended = start().does("crowd", 300)
    assert set(ended) == {0, -signal.SIGALRM}
    assert ended.count(-signal.SIGALRM) > 10
