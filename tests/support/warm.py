"""Commands of Python in processes that need not import the libraries: see warm_python/server.py.

The first command starts the server, which ends with this process.
"""

import atexit
import os
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import IO

from support.warm_python import protocol

HERE = Path(protocol.__file__).parent


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
            assert part, "the warm Python has ended"
            line += part
        return int(line)


def start(
    arguments: list[str],
    folder: Path,
    stdout: IO[bytes],
    stderr: IO[bytes],
    environment: Mapping[str, str],
) -> WarmProcess:
    """Start what `python` with these arguments would, in a process group of its own.

    Args:
        arguments: `-c` and code, `-m` and a module, or a script; then those of the command.
        folder: its working folder.
        environment: all of it. Variables that Python reads at its start alone have no effect.
    """
    message = {
        "arguments": arguments,
        "environment": dict(environment),
        "folder": str(folder),
        "group": 0,
    }
    streams = [stdout.fileno(), stderr.fileno()]
    with open(os.devnull, "rb") as stdin:  # noqa: PTH123
        return WarmProcess(protocol.send(_address(), message, [stdin.fileno(), *streams]))


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


@cache
def _address() -> str:
    """The path of the server's socket."""
    # It must be short.
    folder = Path(tempfile.mkdtemp(prefix="warm-", dir="/tmp"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    shim = folder / "bin/python"
    shim.parent.mkdir()
    words = shlex.join([sys.executable, "-ESs", str(HERE / "shim.py")])
    shim.write_text(f'#!/bin/sh\nexec {words} "$@"\n', encoding="utf-8")
    shim.chmod(0o755)
    server = subprocess.Popen(
        [sys.executable, HERE / "server.py", folder],
        cwd=folder,
        # Open up to the end of this process.
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        # Ctrl-C is for the tests.
        start_new_session=True,
    )
    assert server.stdout and server.stdout.readline(), "the warm Python cannot start"
    return str(folder / "server")
