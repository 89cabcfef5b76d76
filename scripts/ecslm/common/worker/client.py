"""A job's side: joining the worker of its run, which the first job starts, and asking it."""

import logging
import os
import socket
from contextlib import suppress
from typing import Any

from ecslm.common.errors import InputError, Problem
from ecslm.common.worker.place import (
    DEVICES_VARIABLE,
    RUN_VARIABLE,
    Channel,
    address,
    is_own,
    is_running,
    wait_for_end,
)
from ecslm.common.worker.server import NewSession, start_worker

log = logging.getLogger(__name__)


class WorkerLostError(Exception):
    """The worker has ended before it answered: it was killed, or could not start."""


class WorkerFailedError(Exception):
    """The worker met an error that is nobody's input: its traceback."""


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
    channel = _welcomed(run, devices, process)
    if channel is None:
        with socket.socket(socket.AF_UNIX) as listening:
            try:
                listening.bind(address(run, devices))
            except OSError:
                log.warning("no process can be started for the run: this job loads for itself")
                user.close()
                return None
            listening.listen()
            start_worker(listening, run, process, new_session)
        channel = _welcomed(run, devices, process)
        if channel is None:
            raise WorkerLostError("the process that was to load the model has ended")
    channel.user = user
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
    if user := _only_user(run, devices):
        with user:
            # No worker serves a process without conditions.
            _welcomed(run, devices, None)


def _only_user(run: str, devices: str | None) -> socket.socket | None:
    """What the user of a run's worker holds; None if another job has it, or the run has ended."""
    if not is_running(run):
        return None
    user = socket.socket(socket.AF_UNIX)
    try:
        user.bind(address(run, devices) + b"-user")
    except OSError:
        user.close()
        return None
    return user


def _welcomed(run: str, devices: str | None, process: Any) -> Channel | None:
    """A conversation with the worker; None if there is none, or it has ended because it runs under
    other conditions."""
    connection = socket.socket(socket.AF_UNIX)
    channel = Channel(connection)
    # It may just have ended by itself.
    with suppress(EOFError, OSError):
        connection.connect(address(run, devices))
        if is_own(connection):
            channel.send(process)
            reply = channel.receive()
            if reply["welcome"]:
                return channel
            wait_for_end(reply["number"])
    channel.close()
    return None
