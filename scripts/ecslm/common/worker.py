"""The run's worker: a fork of the job that needed it first, which answers one job at a time.

A job joins the worker of its run, or starts it. The worker ends when no job has used it for a
while, when one that it cannot serve asks, and with the run: when the run's main process has ended,
the job that it serves has too, and its last answer is made. Both sides run the same code; they talk
in JSON, over a socket in the user's private folder, beside which is the lock of the only user.

A worker on a leased GPU outlives the job's lease. So it is found by the device: whoever leases that
next, in this run or another, uses it or ends it.
"""

import json
import logging
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from hashlib import sha256
from logging.handlers import BufferingHandler
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import recv_handle, send_handle
from pathlib import Path
from typing import Any

from ecslm.common.errors import InputError, Problem
from ecslm.common.locks import (
    DEVICES_VARIABLE,
    RUN_VARIABLE,
    is_running,
    lock,
    private_folder,
)
from ecslm.common.logs import collect_log

log = logging.getLogger(__name__)

IDLE_SECONDS = 60.0
# By which numbers mean the same processes: containers that share /tmp have their own.
NUMBERING = Path("/proc/self/ns/pid")
# The UUIDs of the devices that this process has leased.
LEASE_VARIABLE = "ECSLM_LEASE"


class WorkerLostError(Exception):
    """The worker has ended before it answered: it was killed, could not start, or met an error of
    the code, which the log of the job that started it tells."""


Answer = Callable[[Any], Any]
"""Answers a message of a job, both JSON values; an `InputError` is handed to the job, any other
error ends the worker."""


class Worker:
    """A job's conversation with the worker of its run."""

    def __init__(self, connection: Connection, user: int) -> None:
        """
        Args:
            user: the lock of the only user.
        """
        self._connection, self._user = connection, user

    def ask(self, message: Any) -> Any:
        """The worker's answer; what it has logged meanwhile is logged here.

        Raises:
            InputError: as what answers in the worker.
            WorkerLostError: it has ended.
        """
        try:
            _send(self._connection, message)
            reply = _receive(self._connection)
        except (EOFError, OSError):
            raise WorkerLostError(
                "the process that held the model has ended, perhaps for lack of memory"
            ) from None
        for level, text in reply["log"]:
            log.log(level, "%s", text)
        if "problems" in reply:
            raise InputError(*(Problem(**problem) for problem in reply["problems"]))
        return reply["value"]


def _send(connection: Connection, value: Any) -> None:
    """Send a JSON value; an `OSError` says that the other process has gone."""
    connection.send_bytes(json.dumps(value).encode())


def _receive(connection: Connection) -> Any:
    """Wait for a JSON value; an `OSError` or `EOFError` says that the other process has gone."""
    return json.loads(connection.recv_bytes())


def join(process: Any, new_answer: Callable[[], Answer]) -> Worker | None:
    """Join the worker of this job's run, as its only user until the job ends.

    If there is none, or one that runs under other conditions, which then ends, one is started: a
    fork of this process.

    Args:
        process: the conditions that the worker's process must meet, as a JSON value.
        new_answer: makes what answers one job in the worker.

    Returns:
        None if this job has to do without a worker: another job uses it, or there can be none.

    Raises:
        WorkerLostError: the worker that was started has ended.
    """
    run, (place, *_) = os.environ.get(RUN_VARIABLE), _places()
    if run is None or (user := lock(_user(place))) is None:
        return None
    conditions = [NUMBERING.stat().st_ino, run, process] if is_running(run) else None
    worker = _welcomed(place, conditions, user)
    if worker is None and conditions:
        with socket.socket(socket.AF_UNIX) as listening:
            place.unlink(missing_ok=True)
            listening.bind(str(place))
            listening.listen()
            _start(listening, run, conditions, new_answer)
        worker = _welcomed(place, conditions, user)
    if worker is None:
        os.close(user)
        if conditions:
            raise WorkerLostError("the process that was to load the model has ended")
    return worker


def free_memory() -> None:
    """End the workers of this job's run or of its devices, but for one that a job uses, and wait
    for that: another job needs the memory."""
    for place in _places():
        if (user := lock(_user(place))) is not None:
            # No worker serves a process without conditions.
            _welcomed(place, None, user)
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


def _welcomed(place: Path, process: Any, user: int) -> Worker | None:
    """A conversation with the worker; None if there is none, or it has ended because it runs under
    other conditions."""
    with suppress(EOFError, OSError), socket.socket(socket.AF_UNIX) as connected:
        connected.connect(str(place))
        connection = Connection(connected.detach())
        _send(connection, process)
        # It may just have ended by itself.
        if _receive(connection):
            return Worker(connection, user)
        # Until it has ended, its memory is not free.
        ended = recv_handle(connection)
        wait([ended])
        os.close(ended)
    return None


def _start(
    listening: socket.socket, run: str, process: Any, new_answer: Callable[[], Answer]
) -> None:
    """Fork; the child serves and never returns.

    It leads a session of its own, which no signal to the job's process group reaches, and holds
    nothing open that is the job's: no lock, no pipe.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    if os.fork():
        return
    # Never further than this, where the caller's files and locks would be closed again.
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        collected, kept = collect_log(), listening.fileno()
        os.closerange(3, kept)
        os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX"))
        _serve(listening, run, process, new_answer, collected)
        # A job that uses it by now makes another one.
        place = Path(listening.getsockname())
        if lock(_user(place)) is not None:
            place.unlink()
            _user(place).unlink()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(0)


def _serve(
    listening: socket.socket,
    run: str,
    process: Any,
    new_answer: Callable[[], Answer],
    collected: BufferingHandler,
) -> None:
    """Serve until it is time to leave.

    Args:
        process: what this process is like.
        collected: gets what is logged.
    """
    ended = os.pidfd_open(int(run))
    while listening in wait([listening, ended], IDLE_SECONDS):
        connected = Connection(listening.accept()[0].detach())
        with connected, suppress(EOFError, OSError):
            welcome = _receive(connected) == process
            _send(connected, welcome)
            if not welcome:
                # Of which the job cannot know the number if it is in another container.
                send_handle(connected, os.pidfd_open(os.getpid()), None)
                return
            answer = new_answer()
            while True:
                message = _receive(connected)
                try:
                    reply = {"value": answer(message)}
                except InputError as error:
                    problems = map(asdict, error.details)
                    reply = {"problems": [one | {"path": str(one["path"])} for one in problems]}
                except Exception as error:
                    # Who knows what state it has left.
                    raise RuntimeError("this process ends, and the job tries alone") from error
                logged = [(one.levelno, one.getMessage()) for one in collected.buffer]
                collected.flush()
                _send(connected, {**reply, "log": logged})
