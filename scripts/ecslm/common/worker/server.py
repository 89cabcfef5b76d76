"""The worker: a fork of the job that needed it first, which answers one job of the run at a time.

It ends when no job has used it for a while, when one that it cannot serve asks, and with the run:
when the run's main process has ended, the job that it serves has too, and its last answer is made.
"""

import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import asdict
from typing import Any, NoReturn, Protocol

from ecslm.common.devices.sharing import stay_on_devices
from ecslm.common.errors import InputError
from ecslm.common.logs import collect_log
from ecslm.common.worker.place import Channel, is_own, run_descriptor

IDLE_SECONDS = 60.0


class Session(Protocol):
    """What a worker does for one job."""

    def answer(self, message: Any, /) -> Any:
        """The answer to a message, both as JSON values.

        Raises:
            InputError: handed to the job. Any other error ends the worker.
        """


NewSession = Callable[[], Session]


def start_worker(listening: socket.socket, run: str, process: Any, new_session: NewSession) -> None:
    """Fork; the child serves and never returns.

    So it runs the code that this process runs. It leads a session of its own, which no signal to
    the job's process group reaches, and holds nothing open that is the job's: no lock, no pipe.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    if os.fork() == 0:
        _serve_and_exit(listening, run, process, new_session)


def _serve_and_exit(
    listening: socket.socket, run: str, process: Any, new_session: NewSession
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
            _serve(listening, run, process, new_session, lines)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(0)


def _serve(
    listening: socket.socket,
    run: str,
    process: Any,
    new_session: NewSession,
    lines: list[tuple[int, str]],
) -> None:
    """Serve until it is time to leave.

    Args:
        process: what this process is like.
        lines: levels and texts of log lines, which the log adds.
    """
    ended, waiting = run_descriptor(run), listening.fileno()
    while waiting in select.select([waiting, ended], [], [], IDLE_SECONDS)[0]:
        channel = Channel(listening.accept()[0])
        with closing(channel), suppress(EOFError, OSError):
            if is_own(channel.connection):
                welcome = channel.receive() == process
                channel.send({"welcome": welcome, "number": os.getpid()})
                if not welcome:
                    return
                session = new_session()
                while True:
                    reply = _reply(session, channel.receive())
                    reply["log"] = lines.copy()
                    lines.clear()
                    channel.send(reply)
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
