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
from dataclasses import asdict, dataclass
from typing import Any, NoReturn, Protocol

from ecslm.common.devices.sharing import stay_on_devices
from ecslm.common.errors import InputError
from ecslm.common.logs import collect_log
from ecslm.common.worker.channel import Channel
from ecslm.common.worker.place import is_own, run_descriptor

# What it says to a job that wants to join.
WELCOME, BUSY, LEAVING = "welcome", "busy", "leaving"
IDLE_SECONDS = 60.0
# Between looks at jobs that have outlived their run.
SECONDS_BETWEEN_LOOKS = 0.2


class Session(Protocol):
    """What a worker does for one job."""

    def answer(self, message: Any, /) -> Any:
        """The answer to a message, both as JSON values.

        Raises:
            InputError: handed to the job. Any other error ends the worker.
        """


NewSession = Callable[[], Session]


@dataclass(eq=False)
class _Client:
    """A job; it has a session once it has joined."""

    channel: Channel
    session: Session | None = None


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
        self._clients: set[_Client] = set()
        self._leaving = False
        self._selector = selectors.DefaultSelector()
        self._selector.register(listening, selectors.EVENT_READ)
        ending = threading.Thread(target=self._end_with_run, args=[run_descriptor(run)])
        ending.daemon = True
        ending.start()

    def serve(self) -> None:
        """Serve until it is time to leave."""
        while not self._leaving:
            ready = self._selector.select(None if self._in_use() else IDLE_SECONDS)
            if not ready and not self._in_use():
                return
            for key, _ in ready:
                if key.data is None:
                    self._accept()
                elif key.data.session is None:
                    self._admit(key.data)
                else:
                    self._answer(key.data)

    def _in_use(self) -> bool:
        return any(client.session is not None for client in self._clients)

    def _accept(self) -> None:
        connection, _ = self._listening.accept()
        if not is_own(connection):
            connection.close()
            return
        client = _Client(Channel(connection))
        self._clients.add(client)
        self._selector.register(connection, selectors.EVENT_READ, client)

    def _drop(self, client: _Client) -> None:
        self._clients.discard(client)
        self._selector.unregister(client.channel.connection)
        client.session = None
        client.channel.close()

    def _admit(self, client: _Client) -> None:
        """Let a job join, or say why not."""
        try:
            wanted = client.channel.receive()
            state = self._state(wanted)
            client.channel.send({"state": state, "number": os.getpid()})
        except (EOFError, OSError):
            self._drop(client)
            return
        if state == WELCOME:
            self._content = wanted["content"]
            client.session = self._new_session()
        else:
            self._drop(client)
            self._leaving = self._leaving or state == LEAVING

    def _state(self, wanted: Mapping[str, Any]) -> str:
        if self._in_use():
            same = wanted == {"process": self._process, "content": self._content}
            return WELCOME if same and not self._leaving else BUSY
        return WELCOME if wanted.get("process") == self._process else LEAVING

    def _answer(self, client: _Client) -> None:
        assert client.session is not None
        reply: dict[str, Any] = {}
        try:
            message = client.channel.receive()
            try:
                reply["value"] = client.session.answer(message)
            except InputError as error:
                problems = map(asdict, error.details)
                reply["problems"] = [one | {"path": str(one["path"])} for one in problems]
            except Exception:
                reply["failure"] = traceback.format_exc()
                # Who knows what state it has left.
                self._leaving = True
            reply["log"] = self._lines.copy()
            self._lines.clear()
            client.channel.send(reply)
        except (EOFError, OSError):
            self._drop(client)

    def _end_with_run(self, run: int) -> None:
        """End this process as soon as the run and the jobs that it serves have ended, also amid an
        answer that nobody waits for any more."""
        select.select([run], [], [])
        while not all(_has_gone(client) for client in self._clients.copy()):
            time.sleep(SECONDS_BETWEEN_LOOKS)
        os._exit(0)


def _has_gone(client: _Client) -> bool:
    """Whether the process at the other end has closed its connection or ended."""
    number = client.channel.connection.fileno()
    if number < 0:
        return True
    poll = select.poll()
    poll.register(number, select.POLLRDHUP)
    return bool(poll.poll(0))
