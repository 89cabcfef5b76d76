"""The worker: a fork of the job that needed it first, which answers jobs of the run one by one.

It ends when no job has used it for a while, when one that it cannot serve asks, and with the run:
when the run's main process has ended, and the jobs that it serves have too.
"""

import os
import select
import selectors
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any, NoReturn, Protocol

from ecslm.common.devices.sharing import stay_on_devices
from ecslm.common.errors import InputError
from ecslm.common.logs import collect_log
from ecslm.common.worker.place import Channel, is_own, run_descriptor

# What it says to a job that wants to join.
WELCOME, BUSY, LEAVING = "welcome", "busy", "leaving"
IDLE_SECONDS = 60.0
SECONDS_BETWEEN_LOOKS = 0.1


class Session(Protocol):
    """What a worker does for one job."""

    def answer(self, message: Any, /) -> Any:
        """The answer to a message, both as JSON values.

        Raises:
            InputError: handed to the job. Any other error ends the worker.
        """


NewSession = Callable[[], Session]


def start_worker(
    listening: socket.socket, run: str, process: Mapping[str, Any], new_session: NewSession
) -> None:
    """Fork; the child serves and never returns.

    So it runs the code that this process runs. It leads a session of its own, which no signal to
    the job's process group reaches, and holds nothing open that is the job's: no lock, no pipe.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    if os.fork() == 0:
        _serve_and_exit(listening, run, process, new_session)


def _serve_and_exit(
    listening: socket.socket, run: str, process: Mapping[str, Any], new_session: NewSession
) -> NoReturn:
    # Never further than this function, where the caller's files and locks would be closed again.
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        lines = collect_log()
        kept = listening.fileno()
        os.closerange(3, kept)
        os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX"))
        if stay_on_devices():
            Worker(listening, run, process, new_session, lines).serve()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(0)


class Worker:
    """Answers one message at a time, of one job or of several that want the same content."""

    def __init__(
        self,
        listening: socket.socket,
        run: str,
        process: Mapping[str, Any],
        new_session: NewSession,
        lines: list[tuple[int, str]],
    ) -> None:
        """
        Args:
            process: what this process is like.
            lines: levels and texts of log lines, which the log adds.
        """
        self._listening, self._process, self._new_session = listening, process, new_session
        self._content: Any = None
        self._lines = lines
        # Of jobs that have joined.
        self._sessions: dict[Channel, Session] = {}
        self._leaving = False
        self._selector = selectors.DefaultSelector()
        self._selector.register(listening, selectors.EVENT_READ, self._accept)
        end = threading.Thread(target=self._end_with_run, args=[run_descriptor(run)], daemon=True)
        end.start()

    def serve(self) -> None:
        """Serve until it is time to leave."""
        while not self._leaving:
            ready = self._selector.select(None if self._sessions else IDLE_SECONDS)
            if not ready and not self._sessions:
                return
            for key, _ in ready:
                key.data()

    def _accept(self) -> None:
        connection, _ = self._listening.accept()
        if not is_own(connection):
            connection.close()
            return
        channel = Channel(connection)
        self._selector.register(connection, selectors.EVENT_READ, partial(self._hear, channel))

    def _hear(self, channel: Channel) -> None:
        """Read a message of a job that has joined, or wants to."""
        try:
            self._answer(channel) if channel in self._sessions else self._admit(channel)
        except (EOFError, OSError):
            self._drop(channel)

    def _drop(self, channel: Channel) -> None:
        self._sessions.pop(channel, None)
        self._selector.unregister(channel.connection)
        channel.close()

    def _admit(self, channel: Channel) -> None:
        """Let a job join, or say why not."""
        wanted = channel.receive()
        state = self._state(wanted)
        channel.send({"state": state, "number": os.getpid()})
        if state == WELCOME:
            self._content = wanted["content"]
            self._sessions[channel] = self._new_session()
        else:
            self._drop(channel)
            self._leaving = self._leaving or state == LEAVING

    def _state(self, wanted: Mapping[str, Any]) -> str:
        if self._sessions:
            same = wanted == {"process": self._process, "content": self._content}
            return WELCOME if same and not self._leaving else BUSY
        return WELCOME if wanted.get("process") == self._process else LEAVING

    def _answer(self, channel: Channel) -> None:
        message, reply = channel.receive(), dict[str, Any]()
        try:
            reply["value"] = self._sessions[channel].answer(message)
        except InputError as error:
            problems = map(asdict, error.details)
            reply["problems"] = [one | {"path": str(one["path"])} for one in problems]
        except Exception:
            reply["failure"] = traceback.format_exc()
            # Who knows what state it has left.
            self._leaving = True
        reply["log"] = self._lines.copy()
        self._lines.clear()
        channel.send(reply)

    def _end_with_run(self, run: int) -> None:
        """End this process as soon as the run and the jobs that it serves have ended, also amid an
        answer that nobody waits for any more."""
        select.select([run], [], [])
        while not all(map(_has_gone, list(self._sessions))):
            time.sleep(SECONDS_BETWEEN_LOOKS)
        os._exit(0)


def _has_gone(channel: Channel) -> bool:
    """Whether the process at the other end has closed its connection or ended."""
    number = channel.connection.fileno()
    if number < 0:
        return True
    poll = select.poll()
    poll.register(number, select.POLLRDHUP)
    return bool(poll.poll(0))
