"""Jobs of one machine, each a process, and what is left of them when they are killed."""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import pytest
from support.project import ROOT, SCRIPTS

from ecslm.common.devices import lease
from ecslm.common.errors import InputError
from ecslm.common.worker import place
from ecslm.common.worker.client import LEASE_VARIABLE
from ecslm.common.worker.place import DEVICES_VARIABLE, RUN_VARIABLE, private_folder, run_of

SECONDS_TO_WAIT = 60.0
JOB = ROOT / "tests/support/gpu_job.py"
GPUS = ("GPU-a", "GPU-b", "GPU-c")
OF_JOBS = (DEVICES_VARIABLE, LEASE_VARIABLE, RUN_VARIABLE, lease.SCHEDULER_VARIABLE)


class Job:
    """A process of `gpu_job.py`."""

    def __init__(self, folder: Path, log: Path, gpus: tuple[str, ...], variables: dict[str, str]):
        inherited = {name: text for name, text in os.environ.items() if name not in OF_JOBS}
        paths = os.pathsep.join(map(str, (SCRIPTS, ROOT / "tests")))
        self.folder, self._log = folder, log
        with log.open("wb") as stream:
            self.process = subprocess.Popen(
                [sys.executable, str(JOB), str(folder), ",".join(gpus)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stream,
                env=inherited | {"PYTHONPATH": paths} | variables,
            )

    @property
    def log(self) -> str:
        """What it has logged."""
        return self._log.read_text()

    def tell(self, *command: Any) -> None:
        """Send a command."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command).encode() + b"\n")
        self.process.stdin.flush()

    def answered(self) -> bool:
        """Whether it has answered, or ended."""
        return bool(select.select([self.process.stdout], [], [], 0)[0])

    def reply(self) -> Any:
        """What it says to the command."""
        wait_until(self.answered, self)
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def does(self, *command: Any) -> Any:
        """The value of a command."""
        self.tell(*command)
        return self.reply()["value"]

    def waits(self, *command: Any, words: str) -> None:
        """Send a command that cannot be fulfilled yet, which the log then says."""
        self.tell(*command)
        wait_until(lambda: words in self.log, self)
        assert not self.answered()

    def kill(self) -> None:
        """`kill -9`."""
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """Let it end by itself."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(SECONDS_TO_WAIT)


def wait_until(come: Callable[[], bool], job: Job) -> None:
    end = time.monotonic() + SECONDS_TO_WAIT
    while not come():
        assert time.monotonic() < end, job.log
        time.sleep(0.005)


Start = Callable[..., Job]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts jobs of one machine."""
    with ExitStack() as stack:
        count = 0
        # The path of a socket must be short.
        locks = Path(stack.enter_context(TemporaryDirectory(dir="/tmp")))

        def start(gpus: tuple[str, ...] = GPUS, **variables: str) -> Job:
            nonlocal count
            count += 1
            job = Job(locks, tmp_path / f"{count}.log", gpus, variables)
            stack.callback(job.kill)
            return job

        yield start


@pytest.fixture
def runs() -> Iterator[Callable[[], dict[str, str]]]:
    """Starts processes that stand for Snakemake; returns what their jobs' environment has."""
    with ExitStack() as stack:

        def new() -> dict[str, str]:
            process = stack.enter_context(subprocess.Popen(["sleep", "1000"]))
            stack.callback(process.kill)
            return {RUN_VARIABLE: run_of(process.pid)}

        yield new


Runs = Callable[[], dict[str, str]]


def test_each_job_sees_its_own_device_alone_and_its_log_names_it(start: Start) -> None:
    jobs = [start() for _ in GPUS]
    assert [job.does("take", 1) for job in jobs] == [*GPUS]
    assert jobs[1].log == "device: GPU 1 of 3, NVIDIA A100, GPU-b\n"
    environment = jobs[1].does("environment")
    assert environment["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"


@pytest.mark.parametrize("stop", [Job.kill, Job.end])
def test_a_job_waits_for_the_first_device_that_is_free_however_the_other_ended(
    stop: Callable[[Job], None], start: Start
) -> None:
    jobs = [start() for _ in GPUS]
    for job in jobs:
        job.does("take", 1)
    waiting = start()
    who = f"GPU 2 is used by process {jobs[2].process.pid} on "
    waiting.waits("take", 1, words=who)
    assert "waiting for 1 of 3 GPUs" in waiting.log
    stop(jobs[1])
    assert waiting.reply() == {"value": "GPU-b"}


def test_the_variable_is_honoured_and_devices_are_the_same_whatever_they_are_called(
    start: Start,
) -> None:
    by_number, by_uuid = start(CUDA_VISIBLE_DEVICES="2"), start(CUDA_VISIBLE_DEVICES="GPU-c,1")
    assert by_number.does("take", 1) == "GPU-c"
    assert by_uuid.does("take", 1) == "GPU-b"
    assert start().does("take", 1) == "GPU-a"
    third = start(CUDA_VISIBLE_DEVICES="1,2")
    third.waits("take", 1, words="waiting for 1 of 2 GPUs")
    by_number.kill()
    assert third.reply() == {"value": "GPU-c"}


def test_several_devices_are_given_together_or_not_at_all(start: Start) -> None:
    one = start()
    assert one.does("take", 1) == "GPU-a"
    every, two = start(), start()
    every.waits("take", 3, words="waiting for 3 of 3 GPUs")
    # It holds none of those that are free.
    assert two.does("take", 2) == "GPU-b,GPU-c"
    one.kill()
    two.kill()
    assert every.reply() == {"value": "GPU-a,GPU-b,GPU-c"}


def test_under_slurm_the_scheduler_gives_the_device_and_jobs_share_out_too_many(
    start: Start,
) -> None:
    job = start(SLURM_JOB_ID="1", CUDA_VISIBLE_DEVICES="1")
    assert job.does("take", 1) == "1"
    assert LEASE_VARIABLE not in job.does("environment")
    assert job.log == "device: as SLURM gives it, CUDA_VISIBLE_DEVICES=1\n"
    jobs = [start(SLURM_JOB_ID="1", CUDA_VISIBLE_DEVICES="0,2") for _ in range(2)]
    assert [job.does("take", 1) for job in jobs] == ["GPU-a", "GPU-c"]


# Processes that a job leaves.


def test_a_killed_job_frees_its_devices_only_when_the_processes_it_started_are_gone(
    start: Start,
) -> None:
    job = start()
    visible = job.does("take", 2)
    parts_of = job.does("environment")
    parts = [start(**parts_of) for _ in range(2)]
    assert [part.does("stay") for part in parts] == [True, True]
    assert parts[0].does("environment")[DEVICES_VARIABLE] == visible
    job.kill()
    other = start(CUDA_VISIBLE_DEVICES="GPU-a")
    other.waits("take", 1, words="waiting for processes of an earlier job, which still use GPU 0")
    parts[0].kill()
    assert not other.answered()
    parts[1].kill()
    assert other.reply() == {"value": "GPU-a"}
    # A process whose job has ended does not stay.
    assert start(**parts_of).does("stay") is False


def test_a_job_goes_where_its_run_has_a_worker_which_leaves_for_other_runs(
    start: Start, runs: Runs
) -> None:
    run = runs()
    first, beside = start(CUDA_VISIBLE_DEVICES="GPU-b", **run), start(**run)
    assert first.does("take", 1) == "GPU-b"
    worker = psutil.Process(first.does("worker"))
    assert beside.does("take", 1) == "GPU-a"
    assert beside.does("worker") != worker.pid, "of other devices"
    first.end()
    # Another run has nothing there, and takes the one that nobody uses.
    assert start(**runs()).does("take", 1) == "GPU-c"
    again = start(CUDA_VISIBLE_DEVICES="GPU-c,GPU-b", **run)
    assert (again.does("take", 1), again.does("worker")) == ("GPU-b", worker.pid)
    assert "waiting" not in again.log
    again.kill()
    assert worker.is_running()
    assert start(CUDA_VISIBLE_DEVICES="GPU-b", **runs()).does("take", 1) == "GPU-b"
    assert not is_there(worker)


def is_there(process: psutil.Process) -> bool:
    """Whether it has not ended; nobody may have asked for its exit status yet."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


# What may have happened to the files.


@pytest.mark.parametrize("left", [b"", b"process 1", b"process 1 on here\n\xff\n", b"\0" * 99])
def test_whatever_a_killed_job_left_in_its_file_hinders_nobody(left: bytes, start: Start) -> None:
    job = start()
    for gpu in GPUS:
        (job.folder / f"{gpu}.lock").write_bytes(left)
    assert job.does("take", 3) == "GPU-a,GPU-b,GPU-c"


def test_a_link_or_file_in_place_of_the_folder_of_locks_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "TEMPORARY", tmp_path)
    folder = private_folder()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert private_folder() == folder
    folder.rmdir()
    folder.symlink_to(tmp_path)
    with pytest.raises(InputError, match="not a private folder of yours: have it removed"):
        private_folder()


# Over-subscription.


def test_of_many_jobs_that_are_killed_at_random_no_two_have_a_device_at_once(
    tmp_path: Path,
) -> None:
    paths = os.pathsep.join(map(str, (SCRIPTS, ROOT / "tests")))
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests/support/crowded_gpus.py"), str(tmp_path), "400"],
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    begun, ended = ([line for line in lines if word in line] for word in ("begins", "ends"))
    # The last comes first: a job may be killed after it has ended, before that is known.
    end_of = {line["ends"]: line["at"] for line in reversed(ended)}
    held: dict[int, list[tuple[int, int]]] = {number: [] for number in range(len(GPUS))}
    for line in begun:
        held[line["device"]].append((line["at"], end_of[line["begins"]]))
    killed = {line["ends"] for line in ended if line.get("killed")}
    assert len(killed & {line["begins"] for line in begun}) > 10
    for intervals in held.values():
        assert len(intervals) > 50
        # One that is killed between the lock and its line ends before it begins.
        real = sorted((begin, end) for begin, end in intervals if begin < end)
        assert [pair for pair in pairwise(real) if pair[1][0] < pair[0][1]] == []
