"""Commands of Python in processes that need not import the libraries: see warm_python/server.py.

The first command of a test session starts the server, for all workers of pytest-xdist; it ends with
the last of them.
"""

import os
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO

import pytest
from filelock import FileLock
from support.warm_python import protocol

HERE = Path(protocol.__file__).parent
# The environment variable with the folder that all workers share.
FOLDER = "WARM_PYTHON_FOLDER"


class WarmProcess:
    """A process that runs a command; as much of `subprocess.Popen` as tests need."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.pid = self._number()
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit status; None while the process runs."""
        if self.returncode is None and self._answered(0.0):
            self.returncode = self._number()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; returns the exit status.

        Raises:
            subprocess.TimeoutExpired: it has not come in as many seconds.
        """
        if self.returncode is None and not self._answered(timeout):
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
        self.poll()
        assert self.returncode is not None
        return self.returncode

    def kill(self) -> None:
        """`kill -9`."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def _answered(self, seconds: float | None) -> bool:
        return select.select([self._connection], [], [], seconds)[0] != []

    def _number(self) -> int:
        line = b""
        while not line.endswith(b"\n"):
            part = self._connection.recv(1)
            assert part, f"the warm Python has ended: {_log()}"
            line += part
        return int(line)


def start(
    arguments: list[str],
    folder: Path,
    stdout: IO[bytes],
    stderr: IO[bytes],
    environment: Mapping[str, str],
    session: bool = False,
) -> WarmProcess:
    """Start what `python` with these arguments would.

    Args:
        arguments: `-c` and code, `-m` and a module, or a script; then those of the command.
        folder: its working folder.
        environment: all of it. Variables that Python reads at its start alone have no effect.
        session: whether the process leads a session, so that signals to its group reach it and all
            that it has started, and nothing else.
    """
    connection = protocol.connect(_address())
    with open(os.devnull, "rb") as stdin:  # noqa: PTH123
        message = {
            "arguments": arguments,
            "environment": dict(environment),
            "folder": str(folder),
            "session": session,
        }
        protocol.send(connection, message, [stream.fileno() for stream in (stdin, stdout, stderr)])
    return WarmProcess(connection)


def run(
    arguments: list[str], folder: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run what `python` with these arguments would; stdout and stderr come as text.

    Args:
        environment: that of this process if it is left out.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        status = start(arguments, folder, out, err, environment or os.environ).wait()
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read().decode().replace("\r\n", "\n"))
    return subprocess.CompletedProcess(["python", *arguments], status, *texts)


def stand_in(patch: pytest.MonkeyPatch) -> None:
    """From now on, what this process starts as `sys.executable` is warm too."""
    patch.setenv(protocol.ADDRESS, _address())
    patch.setattr(sys, "executable", str(_folder() / "bin/python"))


@contextmanager
def shared_folder() -> Iterator[None]:
    """The folder of the server's files for the time of a test session."""
    # The path of a socket must be short.
    folder = Path(tempfile.mkdtemp(prefix="warm-", dir="/tmp"))
    shim = folder / "bin/python"
    shim.parent.mkdir()
    words = shlex.join([sys.executable, "-ESs", str(HERE / "shim.py")])
    shim.write_text(f'#!/bin/sh\nexec {words} "$@"\n', encoding="utf-8")
    shim.chmod(0o755)
    os.environ[FOLDER] = str(folder)
    try:
        yield
    finally:
        del os.environ[FOLDER]
        shutil.rmtree(folder, ignore_errors=True)


def _folder() -> Path:
    return Path(os.environ[FOLDER])


def _log() -> str:
    return (_folder() / "log").read_text(encoding="utf-8", errors="replace")


@cache
def _address() -> str:
    """The path of the server's socket; the server, started or not, is held by this process."""
    global _holding
    path = _folder() / "server"
    with FileLock(_folder() / "lock"):
        try:
            _holding = protocol.connect(str(path))
            protocol.send(_holding, {}, [])
        except OSError:
            _holding, held = socket.socketpair()
            _start_server(protocol.listen(path), held)
    return str(path)


def _start_server(listening: socket.socket, held: socket.socket) -> None:
    descriptors = (listening.fileno(), held.fileno())
    with (_folder() / "log").open("wb") as log, listening, held:
        subprocess.Popen(
            [sys.executable, HERE / "server.py", _folder(), *map(str, descriptors)],
            cwd=_folder(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            pass_fds=descriptors,
            # Ctrl-C is for the tests, which the server outlives by a moment.
            start_new_session=True,
        )
