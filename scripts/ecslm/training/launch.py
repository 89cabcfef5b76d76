"""Training in several processes, one for each GPU: forks of the job, which trains nothing."""

import ctypes
import os
import signal
import tempfile
from collections.abc import Callable
from multiprocessing import connection, get_context
from typing import Any

from ecslm.common.errors import InputError

# prctl(2): the signal that a process gets when the one that started it ends.
PR_SET_PDEATHSIG = 1


def in_processes(work: Callable[[int, str], Any], count: int) -> Any:
    """Call a function in `count` forks of this process, which must not have loaded torch yet.

    They inherit its locks, of work and of devices, and end when it does.

    Args:
        work: gets the number of its process, and a place to meet the others, see `join`.

    Returns:
        What the function has returned in the first of them.

    Raises:
        InputError: that of one of them; or one ended otherwise. The others are then ended, too.
    """
    context = get_context("fork")
    waiting: dict[Any, tuple[int, Any]] = {}
    found: dict[int, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        try:
            for rank in range(count):
                told, telling = context.Pipe(duplex=False)
                arguments = (work, rank, f"{folder}/place", telling, os.getpid())
                process = context.Process(target=_call, args=arguments)
                process.start()
                telling.close()
                waiting[told] = rank, process
            processes = [process for _, process in waiting.values()]
            while waiting:
                for ended in connection.wait(list(waiting)):
                    rank, _ = waiting.pop(ended)
                    problems, found[rank] = _received(ended, count)
                    if problems:
                        raise InputError(*problems)
            for process in processes:
                process.join()
        finally:
            for _, process in waiting.values():
                process.kill()
                process.join()
    return found[0]


def _received(told: Any, count: int) -> tuple[Any, Any]:
    """Problems and result of a process."""
    try:
        received: tuple[Any, Any] = told.recv()
    except EOFError:
        message = (
            f"training: one of {count} processes failed, see the log: run again to continue from "
            "the last checkpoint"
        )
        return (message,), None
    return received


def _call(
    work: Callable[[int, str], Any], rank: int, place: str, telling: Any, parent: int
) -> None:
    """Be one of the processes: tell the job what it has found, or what is wrong."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        return
    # The job ends its processes.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        telling.send(((), work(rank, place)))
    except InputError as error:
        telling.send((error.details, None))
