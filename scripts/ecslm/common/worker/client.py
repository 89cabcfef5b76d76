"""A job's side: joining the worker of its run, which the first job starts, and asking it."""

import errno
import logging
import os
import socket
import time
from collections.abc import Mapping
from contextlib import closing, suppress
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
from ecslm.common.worker.server import BUSY, WELCOME, NewSession, start_worker

log = logging.getLogger(__name__)

# Attempts to reach a worker, which may be starting or ending.
ATTEMPTS = 500
SECONDS_BETWEEN = 0.01


class WorkerLostError(Exception):
    """The worker has ended before it answered: it was killed, or could not start."""


class WorkerFailedError(Exception):
    """The worker met an error that is nobody's input: its traceback."""


def join(
    run: str, process: Mapping[str, Any], content: Any, new_session: NewSession
) -> Channel | None:
    """Join the worker of a run, as its only user or beside others that want the same content.

    If there is none, one is started: a fork of this process. One that runs under other conditions
    ends first, unless a job uses it.

    Args:
        process: the conditions that the worker's process must meet, as JSON values. A job with
            other conditions needs another process.
        content: what it has to load. It holds one content at a time.
        new_session: makes a session of the worker, for one job.

    Returns:
        None if this job has to do without a worker: it is busy with other content, or there can be
        none.

    Raises:
        WorkerLostError: the worker that was started has ended.
    """
    if not is_running(run):
        return None
    started = False
    for _ in range(ATTEMPTS):
        channel = _connect(address(run, os.environ.get(DEVICES_VARIABLE)))
        if channel is None:
            if started:
                raise WorkerLostError("the process that was to load the model has ended")
            started = _start(run, process, new_session)
            if not started:
                time.sleep(SECONDS_BETWEEN)
            continue
        if not is_own(channel.connection):
            log.warning("a process of another user listens in place of this run's: not used")
            channel.close()
            return None
        try:
            channel.send({"process": process, "content": content})
            reply = channel.receive()
        except (EOFError, OSError):
            # It was ending, or has been killed.
            channel.close()
            time.sleep(SECONDS_BETWEEN)
            continue
        if reply["state"] == WELCOME:
            return channel
        channel.close()
        if reply["state"] == BUSY:
            return None
        wait_for_end(reply["number"])
    return None


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
    channel = _connect(address(run, devices)) if is_running(run) else None
    if channel is None:
        return
    # It may just have ended by itself.
    with closing(channel), suppress(EOFError, OSError):
        if is_own(channel.connection):
            channel.send({})
            reply = channel.receive()
            if reply["state"] != BUSY:
                wait_for_end(reply["number"])


def _connect(where: bytes) -> Channel | None:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(where)
    except OSError:
        connection.close()
        return None
    return Channel(connection)


def _start(run: str, process: Mapping[str, Any], new_session: NewSession) -> bool:
    """Start a worker; returns False if another job was faster."""
    with socket.socket(socket.AF_UNIX) as listening:
        try:
            listening.bind(address(run, os.environ.get(DEVICES_VARIABLE)))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
        listening.listen()
        start_worker(listening, run, process, new_session)
    return True
