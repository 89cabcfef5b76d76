"""The process that outlives its job: who may use it, and that nothing keeps it alive too long."""

import itertools
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from ecslm.common import worker
from ecslm.common.errors import InputError, Problem
from ecslm.common.locks import RUN_VARIABLE
from ecslm.common.worker import Worker, WorkerLostError, free_memory, join


def new_answer() -> worker.Answer:
    """Answers with its process and the number of messages; fails on demand."""
    count = itertools.count(1)

    def answer(message: Any) -> Any:
        match message:
            case "bad":
                raise InputError(Problem("too long", Path("a.jsonl"), 3, "input"), "and more")
            case "broken":
                raise RuntimeError("no such kernel")
            case "long":
                time.sleep(1000)
            case "log":
                worker.log.warning("slow %s", "disk")
                os.write(1, b"for developers")
        return [os.getpid(), next(count)]

    return answer


@pytest.fixture(autouse=True)
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """A process that stands for Snakemake; the variable is set as in its jobs."""
    with subprocess.Popen(["sleep", "1000"]) as process:
        monkeypatch.setenv(RUN_VARIABLE, str(process.pid))
        yield process
        process.kill()


def used(process: str = "code:1") -> tuple[Worker, int]:
    """A conversation with the worker, and its number."""
    one = join(process, new_answer)
    assert one is not None
    number, count = one.ask("count")
    assert (number != os.getpid(), count) == (True, 1)
    return one, number


def close(one: Worker) -> None:
    """As the end of a job does."""
    one.connection.close()
    os.close(one.user)


def is_there(number: int) -> bool:
    try:
        return psutil.Process(number).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_jobs_get_the_same_process_and_a_session_of_their_own_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Whoever asks it to end waits for it.
    monkeypatch.setattr(worker, "AT_END", [lambda: time.sleep(0.2)])
    free_memory()
    first, number = used()
    assert join("code:1", new_answer) is None, "another job uses it"
    free_memory()
    assert first.ask("count") == [number, 2]
    close(first)
    second, same = used()
    assert same == number
    close(second)
    third, other = used("code:2")
    assert other != number and not is_there(number)
    close(third)
    free_memory()
    assert not is_there(other)


def test_problems_and_log_come_back_as_they_are_and_other_errors_end_the_process(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    one, number = used()
    for message in ("log", "count"):
        one.ask(message)
    assert [(one.levelname, one.message) for one in caplog.records] == [("WARNING", "slow disk")]
    assert capfd.readouterr().out == ""
    with pytest.raises(InputError) as caught:
        one.ask("bad")
    assert caught.value.problems == ("a.jsonl: line 3: input: too long", "and more")
    with pytest.raises(WorkerLostError):
        one.ask("broken")
    psutil.Process(number).wait(30)
    close(one)
    assert used()[1] != number


def test_it_holds_no_file_of_the_job_and_no_signal_to_the_jobs_group_reaches_it(
    tmp_path: Path,
) -> None:
    with (tmp_path / "lock").open("w") as lock:
        os.set_inheritable(lock.fileno(), True)
        _worker, number = used()
        files = {str(one.readlink()) for one in Path(f"/proc/{number}/fd").iterdir()}
    assert {file for file in files if file.startswith("/")} <= {"/dev/null"}
    assert os.getsid(number) == number


def test_it_ends_with_the_run_when_the_jobs_that_outlive_that_have_ended(
    run: subprocess.Popen[bytes],
) -> None:
    one, number = used()
    run.kill()
    run.wait()
    time.sleep(0.2)
    assert one.ask("count") == [number, 2]
    close(one)
    psutil.Process(number).wait(30)
    assert join("code:1", new_answer) is None


def test_an_answer_that_nobody_gets_ends_with_the_run(run: subprocess.Popen[bytes]) -> None:
    one, number = used()
    worker._send(one.connection, "long")
    close(one)
    time.sleep(0.3)
    assert is_there(number), "the next job of the run may use it"
    run.kill()
    run.wait()
    psutil.Process(number).wait(30)


def test_it_ends_when_no_job_has_used_it_for_a_while_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker, "IDLE_SECONDS", 0.05)
    one, number = used()
    place = worker._places()[0]
    time.sleep(0.2)
    assert is_there(number), "a job that says nothing uses it, too"
    close(one)
    psutil.Process(number).wait(30)
    assert list(place.parent.glob(f"{place.name}*")) == []
