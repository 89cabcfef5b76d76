"""Python with the project's libraries loaded, which forks a process for each command line.

    python server.py FOLDER

Importing torch, transformers and peft takes ten seconds of computing time, Snakemake another two.
Here they are imported once; no module of the project is. A command runs in a fork of its own, which
becomes what `python` would have started: script, arguments, environment, working folder, standard
streams, default signals. What stays as it was in this process: the seed of hashes, variables that
libraries read as they are loaded, and the garbage collector, which is off.

FOLDER has `bin/python`, which sends commands to the socket that is made beside it. The server ends
with its stdin, and its children with it.
"""

import atexit
import contextlib
import gc
import importlib
import os
import runpy
import select
import signal
import socket
import sys
import threading
import types
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import protocol

LIBRARIES = (
    # Snakemake, and what it or the rules import late.
    *("snakemake.cli", "snakemake.workflow", "snakemake.executors.local", "snakemake.profiles"),
    *("snakemake.report.html_reporter", "snakemake.storage", "pandas", "smart_open", "yte"),
    # What the scripts import.
    *("pydantic", "jinja2", "yaml", "filelock", "numpy", "scipy.stats"),
    *("matplotlib.backends.backend_svg", "matplotlib.backends.backend_pdf", "openai"),
    *("pyarrow.parquet", "torch", "accelerate", "bitsandbytes"),
    *("peft", "bert_score", "safetensors.torch", "transformers.optimization"),
    *("transformers.models.llama.modeling_llama", "transformers.models.bert.modeling_bert"),
)
# Where modules are found. Libraries add to it.
SEARCHED = tuple(sys.path[1:])
STDIN = 0


@dataclass(frozen=True)
class Request:
    """A command line in its surroundings."""

    arguments: list[str]
    environment: dict[str, str]
    folder: str
    group: int
    """The process group to join; 0 for one of its own."""
    streams: list[int]

    def begin(self, executable: str, address: str) -> None:
        """Make this process what a new one would be, up to the command.

        Args:
            executable: what starts Python processes from now on.
            address: the server that it asks.
        """
        # A group of another session cannot be joined.
        with contextlib.suppress(PermissionError):
            os.setpgid(0, self.group)
        for number, stream in enumerate(self.streams):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(self.folder)
        os.environ.clear()
        os.environ.update(self.environment, **{protocol.ADDRESS: address})
        sys.executable = executable
        paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        # The first is the command's own folder.
        sys.path = ["", *filter(None, paths), *SEARCHED]
        sys.modules["numpy"].random.seed()
        if threads := os.environ.get("OMP_NUM_THREADS"):
            sys.modules["torch"].set_num_threads(int(threads))
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module("sitecustomize")

    def run(self) -> None:
        """Run the command; what it raises is for the interpreter."""
        match self.arguments:
            case ["-c", code, *more]:
                # They may be pipes where those of the server are files.
                for number, name in ((1, "stdout"), (2, "stderr")):
                    setattr(sys, name, os.fdopen(number, "w", buffering=1, closefd=False))
                sys.argv = ["-c", *more]
                sys.modules["__main__"] = main = types.ModuleType("__main__")
                exec(compile(code, "<string>", "exec"), vars(main))
            case ["-m", module, *more]:
                sys.argv = [module, *more]
                sys.path[0] = str(Path.cwd())
                runpy.run_module(module, run_name="__main__", alter_sys=True)
            case [script, *more]:
                sys.argv = [script, *more]
                sys.path[0] = str(Path(script).resolve().parent)
                runpy.run_path(script, run_name="__main__")


def _tell(connection: socket.socket, number: int) -> None:
    with contextlib.suppress(ConnectionError):
        connection.sendall(b"%d\n" % number)


def end(request: Request) -> NoReturn:
    """Run a command and end the process as Python would.

    But for taking all libraries apart, which takes half a second and changes nothing.
    """
    status = 0
    try:
        request.run()
    except SystemExit as asked:
        if isinstance(asked.code, str):
            print(asked.code, file=sys.stderr)
        status = asked.code if isinstance(asked.code, int) else int(asked.code is not None)
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        status = -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        # The reader may have gone.
        with contextlib.suppress(BrokenPipeError, ValueError):
            stream.flush()
    if status < 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(status & 255)


def attend(connection: socket.socket, executable: str, address: str) -> None:
    """Start a command in a child, tell the client of its end, and kill it when the client goes or
    the server ends."""
    try:
        message, streams = protocol.receive(connection)
    except (EOFError, ConnectionError):
        return
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child == 0:
        connection.close()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        request = Request(**message, streams=streams)
        request.begin(executable, address)
        end(request)
    for stream in streams:
        os.close(stream)
    _tell(connection, child)
    ended = os.pidfd_open(child)
    if ended not in select.select([ended, connection, STDIN], [], [])[0]:
        os.kill(child, signal.SIGKILL)
    _tell(connection, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def main(folder: Path) -> None:
    """Serve each client in a fork, until stdin ends."""
    address = str(folder / "server")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address)
    listening.listen()
    # Whoever waits for it can connect now.
    print(flush=True)
    # Nobody asks how a fork has ended.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while STDIN not in select.select([listening, STDIN], [], [])[0]:
        connection, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            attend(connection, str(folder / "bin/python"), address)
            os._exit(0)
        connection.close()
    os._exit(0)


if __name__ == "__main__":
    # Lines of libraries for their own developers are for no command's stderr.
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    for library in LIBRARIES:
        importlib.import_module(library)
    # Shared memory stays shared when the garbage collector of a child is asked to run. By itself it
    # would take a sixth of the time of a child, which ends before its garbage matters.
    gc.collect()
    gc.freeze()
    gc.disable()
    main(Path(sys.argv[1]))
