"""Python with the project's libraries loaded, which forks a process for each command line.

    python server.py FOLDER LISTENING HELD

Importing torch, transformers and peft takes ten seconds of computing time, Snakemake another two.
Here they are imported once; no module of the project is. A command runs in a fork of its own, which
becomes what `python` would have started: script, arguments, environment, working folder, standard
streams, default signals. What stays as it was in this process: the seed of hashes, variables that
libraries read as they are loaded, and the garbage collector, which is off.

FOLDER has `bin/python`, which sends commands here; the other arguments are descriptors: a socket
that listens, and one end of a pair of which the owner holds the other. The server ends when no
owner and no child is left.
"""

import atexit
import contextlib
import gc
import importlib
import os
import runpy
import selectors
import signal
import socket
import sys
import threading
import types
from collections.abc import Callable
from pathlib import Path

import protocol

LIBRARIES = (
    # Snakemake, and what it or the rules import late.
    *("snakemake.cli", "snakemake.workflow", "snakemake.executors.local", "snakemake.profiles"),
    *("snakemake.report.html_reporter", "snakemake.storage", "pandas", "smart_open", "yte"),
    # What the scripts import.
    *("pydantic", "jinja2", "yaml", "filelock", "numpy", "scipy.stats"),
    *("matplotlib.backends.backend_svg", "matplotlib.backends.backend_pdf", "openai"),
    *("pyarrow.parquet", "torch", "accelerate", "bitsandbytes"),
    *("peft", "bert_score", "safetensors.torch", "transformers.trainer"),
    *("transformers.models.llama.modeling_llama", "transformers.models.bert.modeling_bert"),
)
# Where modules are found. Libraries add to it.
SEARCHED = tuple(sys.path[1:])


class Request:
    """A command line in its surroundings."""

    def __init__(self, message: dict, streams: list[int]) -> None:
        self._arguments: list[str] = message["arguments"]
        self._environment: dict[str, str] = message["environment"]
        self._folder: str = message["folder"]
        self._streams = streams
        self.session: bool = message["session"]

    def close(self) -> None:
        """Leave the standard streams to others."""
        for stream in self._streams:
            os.close(stream)

    def begin(self, executable: str, address: str) -> None:
        """Make this process what a new one would be, up to the command.

        Args:
            executable: what starts Python processes from now on.
            address: the server that it asks.
        """
        for number, stream in enumerate(self._streams):
            os.dup2(stream, number)
        self.close()
        os.chdir(self._folder)
        os.environ.clear()
        os.environ.update(self._environment, **{protocol.ADDRESS: address})
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
        match self._arguments:
            case ["-c", code, *more]:
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


class Server:
    """The loop that forks."""

    def __init__(self, listening: socket.socket, held: socket.socket) -> None:
        self.address: str = listening.getsockname()
        self._listening = listening
        self._owners = {held}
        self._clients: dict[int, socket.socket] = {}
        # A signal ends the selector's sleep through this pair.
        self._woken, self._waking = socket.socketpair()
        self._waking.setblocking(False)
        self._selector = selectors.DefaultSelector()
        for ready in (listening, held, self._woken):
            self._selector.register(ready, selectors.EVENT_READ)

    def serve(self) -> Request | None:
        """Serve until nobody needs it; returns in a child with its request, else with None."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        # Those to its process group are for the children.
        for stop in (signal.SIGINT, signal.SIGTERM):
            signal.signal(stop, signal.SIG_IGN)
        signal.set_wakeup_fd(self._waking.fileno())
        while self._owners or self._clients:
            for key, _ in self._selector.select():
                if key.fileobj is self._woken:
                    self._woken.recv(4096)
                    self._reap()
                elif key.fileobj is self._listening:
                    request = self._accept()
                    if request:
                        return request
                else:
                    self._lose(key.fileobj)
        return None

    def _accept(self) -> Request | None:
        """Fork for a request, or note another owner; returns a request in the child only."""
        connection, _ = self._listening.accept()
        try:
            message, streams = protocol.receive(connection)
        except (EOFError, ConnectionError):
            connection.close()
            return None
        self._selector.register(connection, selectors.EVENT_READ)
        if not message:
            self._owners.add(connection)
            return None
        request = Request(message, streams)
        child = os.fork()
        if child == 0:
            self._leave()
            return request
        request.close()
        self._clients[child] = connection
        _tell(connection, child)
        return None

    def _leave(self) -> None:
        """Close in a child what is the server's."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for default in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(default, signal.SIG_DFL)
        self.close()

    def close(self) -> None:
        """Close what is the server's in this process alone."""
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()
        self._selector.close()
        self._waking.close()

    def _reap(self) -> None:
        """Tell the clients of the children that have ended."""
        for child, connection in list(self._clients.items()):
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                del self._clients[child]
                _tell(connection, os.waitstatus_to_exitcode(status))
                if connection in self._selector.get_map():
                    self._selector.unregister(connection)
                connection.close()

    def _lose(self, connection: socket.socket) -> None:
        """Do without an owner; kill the child of a client."""
        self._selector.unregister(connection)
        if connection in self._owners:
            self._owners.remove(connection)
            connection.close()
        for child, client in self._clients.items():
            if client is connection:
                os.kill(child, signal.SIGKILL)


def _tell(connection: socket.socket, number: int) -> None:
    with contextlib.suppress(ConnectionError):
        connection.sendall(b"%d\n" % number)


def main(folder: Path, listening: socket.socket, held: socket.socket) -> None:
    """Serve; in a child, run a command to the end of its process."""
    server = Server(listening, held)
    request = server.serve()
    if request and request.session:
        # Held open up to the end of this process.
        global holding
        os.setsid()
        holding, held = socket.socketpair()
        server = Server(protocol.listen(folder / str(os.getpid())), held)
        if os.fork() == 0:
            holding.close()
            request.close()
            request = server.serve()
        else:
            server.close()
    if request is None:
        os._exit(0)
    request.begin(str(folder / "bin/python"), server.address)
    end(request.run)


def end(run: Callable[[], None]) -> None:
    """Run a command and end the process as Python would.

    But for taking all libraries apart, which takes half a second and changes nothing.
    """
    status = 0
    try:
        run()
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
    main(Path(sys.argv[1]), *(socket.socket(fileno=int(number)) for number in sys.argv[2:]))
