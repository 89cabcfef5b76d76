"""The run's worker: a fork of the job that needed it first, which answers one job at a time.

A job joins the worker of its run, or starts it. The worker ends when no job has used it for a
while, when one that it cannot serve asks, and with the run: when the run's main process has ended,
and the job that it serves has too. Both sides run the same code; they talk in JSON, over a socket
in the user's private folder, beside which is the lock of the only user.

A worker on a leased GPU outlives the job's lease. So it is found by the device: whoever leases that
next, in this run or another, uses it or ends it.

A run is known by its main process, whose number an environment variable passes to the jobs.
"""

import json
import logging
import os
import socket
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from logging.handlers import BufferingHandler
from multiprocessing.connection import Client, Connection, wait
from pathlib import Path
from threading import Thread
from typing import Any, NoReturn

from ecslm.common.errors import InputError, refuse
from ecslm.common.locks import DEVICES_VARIABLE, RUN_VARIABLE, lock, private_folder
from ecslm.common.logs import collect_log

log = logging.getLogger(__name__)

IDLE_SECONDS = 60.0
# By which numbers mean the same processes: containers that share /tmp have their own.
NUMBERING = Path("/proc/self/ns/pid")
# What a worker does before it ends, for example with processes that it has started.
AT_END: list[Callable[[], None]] = []
# The UUIDs of the devices that this process has leased.
LEASE_VARIABLE = "ECSLM_LEASE"


class WorkerLostError(Exception):
    """The worker has ended before it answered: it was killed, or met an error of the code, which
    the log of the job that started it tells."""


Answer = Callable[[Any], Any]
"""Answers a message of a job, both JSON values; an `InputError` is handed to the job, any other
error ends the worker."""


@dataclass
class Worker:
    """A job's conversation with the worker of its run."""

    connection: Connection
    user: int
    """The lock of the only user, which is held until the job ends."""

    def ask(self, message: Any) -> Any:
        """The worker's answer; what it has logged meanwhile is logged here.

        Raises:
            InputError: as what answers in the worker.
            WorkerLostError: it has ended.
        """
        try:
            _send(self.connection, message)
            value, problems, logged = _receive(self.connection)
        except (EOFError, OSError):
            raise WorkerLostError(
                "the process that held the model has ended, perhaps for lack of memory"
            ) from None
        for level, text in logged:
            log.log(level, "%s", text)
        refuse(problems)
        return value


def _send(connection: Connection, value: Any) -> None:
    """Send a JSON value; an `OSError` says that the other process has gone."""
    connection.send_bytes(json.dumps(value).encode())


def _receive(connection: Connection) -> Any:
    """Wait for a JSON value; an `OSError` or `EOFError` says that the other process has gone."""
    return json.loads(connection.recv_bytes())


def join(process: str, new_answer: Callable[[], Answer]) -> Worker | None:
    """Join the worker of this job's run, as its only user until the job ends.

    If there is none, or one of another kind, which then ends, one is started: a fork of this
    process.

    Args:
        process: describes the worker's process; only one of this description is joined.
        new_answer: makes what answers one job in the worker.

    Returns:
        None if another job uses the worker, or none can be started.
    """
    run, place = os.environ.get(RUN_VARIABLE), _places()[0]
    if run is None or not NUMBERING.exists() or (user := lock(_user(place))) is None:
        return None
    kind = f"{NUMBERING.stat().st_ino} {run} {process}"
    if (found := _found(place, kind)) is None:
        with socket.socket(socket.AF_UNIX) as listening:
            place.unlink(missing_ok=True)
            listening.bind(str(place))
            listening.listen()
            if os.fork() == 0:
                _be_worker(listening, run, kind, new_answer)
        found = _found(place, kind)
    return Worker(found, user) if found else None


def free_memory() -> None:
    """End the workers of this job's run or of its devices, but for one that a job uses, and wait
    for that: another job needs the memory."""
    for place in _places():
        if (user := lock(_user(place))) is not None:
            _found(place, "none")
            os.close(user)


def _places() -> list[Path]:
    """The sockets of the workers that this job may use: of each leased device or, without a lease,
    of the jobs of its run that see the same devices."""
    leased = os.environ.get(LEASE_VARIABLE)
    of_run = f"{os.environ.get(RUN_VARIABLE)} {os.environ.get(DEVICES_VARIABLE)}"
    names = leased.split(",") if leased else [of_run]
    return [private_folder() / sha256(name.encode()).hexdigest()[:32] for name in names]


def _user(place: Path) -> Path:
    """The lock of the only user of the worker at a place."""
    return place.with_suffix(".user")


def _found(place: Path, kind: str) -> Connection | None:
    """A conversation with the worker of a kind; None if there is none. One of another kind ends."""
    with suppress(EOFError, OSError):
        connection = Client(str(place))
        _send(connection, kind)
        # It may just have ended by itself.
        fits, number = _receive(connection)
        if fits:
            return connection
        # Until it has ended, its memory is not free. In another container it has another number.
        wait([os.pidfd_open(number)], IDLE_SECONDS)
    return None


def _be_worker(
    listening: socket.socket, run: str, kind: str, new_answer: Callable[[], Answer]
) -> NoReturn:
    """What the fork of a job does, to its end.

    It leads a session of its own, which no signal to the job's process group reaches, and holds
    nothing open that is the job's: no lock, no pipe.
    """
    # Never further than this, where the caller's files and locks would be closed again.
    try:
        os.setsid()
        collected, kept = collect_log(), listening.fileno()
        os.closerange(3, kept)
        os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX"))
        ended, fits = os.pidfd_open(int(run)), True
        while fits and listening in wait([listening, ended], IDLE_SECONDS):
            with Connection(listening.accept()[0].detach()) as job, suppress(EOFError, OSError):
                fits = _receive(job) == kind
                _send(job, (fits, os.getpid()))
                if fits:
                    _serve(job, ended, new_answer(), collected)
        for end in AT_END:
            end()
        # A job that uses it by now makes another one.
        place = Path(listening.getsockname())
        if lock(_user(place)) is not None:
            place.unlink()
            _user(place).unlink()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)


@contextmanager
def _wanted(job: Connection, ended: int) -> Iterator[None]:
    """A block in which this process ends with the run, if the job has ended that asks it."""
    done, finish = os.pipe()

    def watch() -> None:
        # A job says nothing while it waits.
        if done not in wait([job, done]) and done not in wait([ended, done]):
            os._exit(0)

    watching = Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield
    finally:
        os.close(finish)
        watching.join()
        os.close(done)


def _serve(job: Connection, ended: int, answer: Answer, collected: BufferingHandler) -> None:
    """Answer a job until it ends.

    Args:
        ended: is readable when the run has ended.
        collected: gets what is logged.
    """
    while True:
        message, value = _receive(job), None
        problems: tuple[str, ...] = ()
        try:
            with _wanted(job, ended):
                value = answer(message)
        except InputError as error:
            problems = error.problems
        except Exception as error:
            # Who knows what state it has left.
            raise RuntimeError("this process ends, and the job tries alone") from error
        logged = [(one.levelno, one.getMessage()) for one in collected.buffer]
        collected.flush()
        _send(job, (value, problems, logged))
