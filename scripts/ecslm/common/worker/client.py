"""The run's worker: a fork of the job that needed it first, which answers one job at a time.

A job joins the worker of its run, or starts it. The worker ends when no job has used it for a
while, when one that it cannot serve asks, and with the run: when the run's main process has ended,
the job that it serves has too, and its last answer is made. Jobs that see other devices have
another worker. Both sides run the same code; they talk in JSON, over a socket in the user's private
folder, beside which is the lock of the only user.
"""

import json
import logging
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import asdict
from hashlib import sha256
from logging.handlers import BufferingHandler
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Protocol

from ecslm.common.errors import InputError, Problem
from ecslm.common.locks import SECONDS_BETWEEN_LOOKS, SHARED, lock
from ecslm.common.logs import collect_log
from ecslm.common.worker.place import (
    DEVICES_VARIABLE,
    RUN_VARIABLE,
    is_running,
    private_folder,
    run_descriptor,
)

log = logging.getLogger(__name__)

IDLE_SECONDS = 60.0
# Names the job that has leased the visible devices, for the processes that it starts, as
# `RUN_VARIABLE` names a run.
LEASE_VARIABLE = "ECSLM_LEASE"


class WorkerLostError(Exception):
    """The worker has ended before it answered: it was killed, or could not start."""


class WorkerFailedError(Exception):
    """The worker met an error that is nobody's input: its traceback."""


class Session(Protocol):
    """What a worker does for one job."""

    def answer(self, message: Any, /) -> Any:
        """The answer to a message, both as JSON values.

        Raises:
            InputError: handed to the job. Any other error ends the worker.
        """


NewSession = Callable[[], Session]


class Channel:
    """A conversation with another process, in JSON values."""

    def __init__(self, connected: socket.socket, user: int | None = None) -> None:
        """
        Args:
            user: the lock of the only user of a worker.
        """
        self._connection, self._user = Connection(connected.detach()), user

    def send(self, value: Any) -> None:
        """Send a value; an `OSError` says that the other process has gone."""
        self._connection.send_bytes(json.dumps(value).encode())

    def receive(self) -> Any:
        """Wait for a value; an `OSError` or `EOFError` says that the other process has gone."""
        return json.loads(self._connection.recv_bytes())

    def close(self) -> None:
        """End the conversation."""
        self._connection.close()
        if self._user is not None:
            os.close(self._user)


def join(process: Any, new_session: NewSession) -> Channel | None:
    """Join the worker of this job's run, as its only user until the job ends.

    If there is none, or one that runs under other conditions, which then ends, one is started: a
    fork of this process.

    Args:
        process: the conditions that the worker's process must meet, as a JSON value.
        new_session: makes a session of the worker, for one job.

    Returns:
        None if this job has to do without a worker: another job uses it, or there can be none.

    Raises:
        WorkerLostError: the worker that was started has ended.
    """
    run, devices = os.environ.get(RUN_VARIABLE), os.environ.get(DEVICES_VARIABLE)
    user = None if run is None else _only_user(run, devices)
    if run is None or user is None:
        return None
    place = _place(run, devices)
    channel = _welcomed(place, process, user)
    if channel is None:
        with socket.socket(socket.AF_UNIX) as listening:
            place.unlink(missing_ok=True)
            listening.bind(str(place))
            listening.listen()
            _start(listening, run, process, new_session)
        channel = _welcomed(place, process, user)
        if channel is None:
            os.close(user)
            raise WorkerLostError("the process that was to load the model has ended")
    return channel


def ask(channel: Channel, message: Any) -> Any:
    """The worker's answer; what it has logged meanwhile is logged here.

    Raises:
        InputError: as the session in the worker.
        WorkerFailedError: any other error there.
        WorkerLostError: it has ended.
    """
    try:
        channel.send(message)
        reply = channel.receive()
    except (EOFError, OSError):
        raise WorkerLostError(
            "the process that held the model was killed, perhaps for lack of memory"
        ) from None
    for level, text in reply["log"]:
        log.log(level, "%s", text)
    if "problems" in reply:
        raise InputError(*(Problem(**problem) for problem in reply["problems"]))
    if "failure" in reply:
        raise WorkerFailedError(reply["failure"])
    return reply["value"]


def free_memory() -> None:
    """End the worker of this job's run, unless a job uses it: another job needs the device."""
    run = os.environ.get(RUN_VARIABLE)
    if run is not None:
        end_worker(run, os.environ.get(DEVICES_VARIABLE))


def end_worker(run: str, devices: str | None) -> None:
    """End the worker of a run's jobs that see these devices, unless a job uses it; wait for that.

    Args:
        devices: the value of CUDA_VISIBLE_DEVICES there.
    """
    user = _only_user(run, devices)
    if user is not None:
        # No worker serves a process without conditions.
        _welcomed(_place(run, devices), None, user)
        os.close(user)


def users_of(folder: Path, device: str) -> Path:
    """The lock of the workers that use a device, by its UUID; they outlive jobs that lease it."""
    return folder / f"{device.replace('/', '_')}.users"


def _place(run: str, devices: str | None) -> Path:
    return private_folder() / sha256(f"{run} {devices}".encode()).hexdigest()[:32]


def _only_user(run: str, devices: str | None) -> int | None:
    """The lock of the user of a run's worker; None if another job has it, or the run has ended."""
    return lock(_place(run, devices).with_suffix(".user")) if is_running(run) else None


def _welcomed(place: Path, process: Any, user: int) -> Channel | None:
    """A conversation with the worker; None if there is none, or it has ended because it runs under
    other conditions."""
    connection = socket.socket(socket.AF_UNIX)
    # It may just have ended by itself.
    with suppress(EOFError, OSError), connection:
        connection.connect(str(place))
        channel = Channel(connection, user)
        channel.send(process)
        reply = channel.receive()
        if reply["welcome"]:
            return channel
        # Until it has ended, its memory is not free.
        ended = os.pidfd_open(reply["number"])
        wait([ended])
        os.close(ended)
    return None


def _start(listening: socket.socket, run: str, process: Any, new_session: NewSession) -> None:
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
        if _stay_on_devices():
            _serve(listening, run, process, new_session, collected)
        # A job that uses it by now makes another one.
        place = Path(listening.getsockname())
        if lock(place.with_suffix(".user")) is not None:
            place.with_suffix(".user").unlink()
            place.unlink()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(0)


def _stay_on_devices() -> bool:
    """Mark the devices of the job that started this process as in use until this process ends;
    false if that job has ended, so that another one may have the devices already."""
    job = os.environ.get(LEASE_VARIABLE)
    if job is None:
        return True
    for device in os.environ[DEVICES_VARIABLE].split(","):
        # A process that looks whether the lock is free holds it only for a moment.
        while lock(users_of(private_folder(), device), SHARED) is None:
            time.sleep(SECONDS_BETWEEN_LOOKS)
    return is_running(job)


def _serve(
    listening: socket.socket,
    run: str,
    process: Any,
    new_session: NewSession,
    collected: BufferingHandler,
) -> None:
    """Serve until it is time to leave.

    Args:
        process: what this process is like.
        collected: gets what is logged.
    """
    ended = run_descriptor(run)
    while listening in wait([listening, ended], IDLE_SECONDS):
        with closing(Channel(listening.accept()[0])) as channel, suppress(EOFError, OSError):
            welcome = channel.receive() == process
            channel.send({"welcome": welcome, "number": os.getpid()})
            if not welcome:
                return
            session = new_session()
            while True:
                reply = _reply(session, channel.receive())
                logged = [(one.levelno, one.getMessage()) for one in collected.buffer]
                channel.send({**reply, "log": logged})
                collected.flush()
                if "failure" in reply:
                    # Who knows what state it has left.
                    return


def _reply(session: Session, message: Any) -> dict[str, Any]:
    try:
        return {"value": session.answer(message)}
    except InputError as error:
        problems = map(asdict, error.details)
        return {"problems": [one | {"path": str(one["path"])} for one in problems]}
    except Exception:
        return {"failure": traceback.format_exc()}
