"""Training in several processes, one for each GPU: forks of the job, which trains nothing."""

import ctypes
import os
import signal
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context
from typing import Any

from ecslm.common.errors import InputError

# prctl(2): the signal that a process gets when the one that started it ends.
PR_SET_PDEATHSIG = 1
# In a fork: what it is to do, of its number and a place to meet the others.
_given: dict[str, Callable[[int, str], Any]] = {}


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
    others, begun = active_children(), (work, os.getpid())
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(count, get_context("fork"), _begin, begun) as pool,
    ):
        asked = [pool.submit(_call, rank, f"{folder}/place") for rank in range(count)]
        try:
            for ended in as_completed(asked):
                problems, _ = ended.result()
                if problems:
                    raise InputError(*problems)
        except BrokenProcessPool:
            raise InputError(
                f"training: one of {count} processes failed, see the log: run again to continue "
                "from the last checkpoint"
            ) from None
        finally:
            for process in active_children():
                if process not in others and not all(one.done() for one in asked):
                    process.kill()
        return asked[0].result()[1]


def _begin(work: Callable[[int, str], Any], parent: int) -> None:
    """Be one of the processes, which the job ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _given["work"] = work


def _call(rank: int, place: str) -> tuple[Any, Any]:
    """Problems and result of a process."""
    try:
        return (), _given["work"](rank, place)
    except InputError as error:
        return error.details, None
