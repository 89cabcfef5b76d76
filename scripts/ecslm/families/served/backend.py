"""The backend that starts an OpenAI-compatible server for an exported model, and asks it.

The server belongs to the process that asks, which in a run is the one that serves all jobs of its
device: they start it once. It ends with that process, however that ends, and sees its GPU alone.
Its answers are kept as those of a model that is loaded here: by batches, and when finished.
"""

import asyncio
import atexit
import fcntl
import logging
import os
import platform
import shlex
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ecslm.common.devices import Device, list_devices, visible_devices
from ecslm.common.environment import require_locked
from ecslm.common.errors import InputError, Problem
from ecslm.common.hashing import canonical_json
from ecslm.common.locks import DEVICES_VARIABLE
from ecslm.common.manifests import read_manifest
from ecslm.common.worker import AT_END
from ecslm.families.backend import Backend, Generated, Request, required
from ecslm.families.openai.backend import Answer, AnswerCache, ServerBackend, ServerPrompt
from ecslm.families.openai.settings import OpenAISettings, ServedSettings, ServerSettings
from ecslm.models.manifests import files_digest
from ecslm.schemas.paths import EXPORT_EQUALITY

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from tokenizers import Tokenizer

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
# Runs a command in the shell's process group, all of which is killed when the command has ended, or
# the pipe that only this process holds: it is then closed, also by `kill -9`.
WATCHED = '{ "$@"; echo "ended with status $?"; kill -KILL 0; } & read -r _; kill -KILL 0'
# What servers answer when they are ready: those without the first have the second.
READY = "/health", "/v1/models"
SECONDS_OF_LOOK = 5.0
SECONDS_BETWEEN_LOOKS = 0.2
LAST_LINES, LAST_BYTES = 20, 8000


class Server:
    """A server that this process has started."""

    def __init__(self, command: str, model: Path, devices: Sequence[Device]) -> None:
        """
        Args:
            command: with `{model}` and `{port}` where the folder and the port go.
            devices: the GPUs that it sees.
        """
        with socket.socket() as free:
            free.bind((HOST, 0))
            self.port = free.getsockname()[1]
        self._command = [
            word.replace("{port}", str(self.port)).replace("{model}", str(model))
            for word in shlex.split(command)
        ]
        # By their numbers: vLLM reads no UUIDs.
        seen = ",".join(str(one.number) for one in devices)
        with tempfile.NamedTemporaryFile() as printed:
            # Until the last process has ended that prints to it.
            fcntl.flock(printed, fcntl.LOCK_EX)
            self._printed = Path(printed.name).open("rb")  # noqa: SIM115 - until it is closed
            self._shell = subprocess.Popen(
                ["sh", "-c", WATCHED, "sh", *self._command],
                stdin=subprocess.PIPE,
                stdout=printed,
                stderr=printed,
                env=os.environ | {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", DEVICES_VARIABLE: seen},
                start_new_session=True,
            )

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._shell.poll() is None

    def wait(self, seconds: float) -> None:
        """Wait until it is ready.

        Raises:
            InputError: it has ended, or is not ready in time.
        """
        start = time.monotonic()
        while not self._is_ready():
            if time.monotonic() > start + seconds:
                raise self._problem(f"not ready after {seconds:g} s: see `start` in `access`")
            self.require_running(SECONDS_BETWEEN_LOOKS)
        log.info("server: ready after %.0f s", time.monotonic() - start)
        # Another program might answer at its port.
        self.require_running()

    def require_running(self, seconds: float = 0.0) -> None:
        """
        Args:
            seconds: how long it may take until a server that fails has ended.

        Raises:
            InputError: it has ended.
        """
        with suppress(subprocess.TimeoutExpired):
            self._shell.wait(seconds)
            raise self._problem("the server has ended")

    def stop(self) -> None:
        """Kill all of its processes, and wait until they close their files."""
        # The shell of one that has ended has killed the others.
        if self.runs:
            os.killpg(self._shell.pid, signal.SIGKILL)
            self._shell.wait()
        fcntl.flock(self._printed, fcntl.LOCK_EX)

    def _is_ready(self) -> bool:
        import httpx2

        with (
            suppress(httpx2.HTTPError),
            httpx2.Client(timeout=SECONDS_OF_LOOK, trust_env=False) as client,
        ):
            urls = (f"http://{HOST}:{self.port}{path}" for path in READY)
            return any(client.get(url).status_code == 200 for url in urls)
        return False

    def _problem(self, what: str) -> InputError:
        self._printed.seek(0, os.SEEK_END)
        self._printed.seek(max(0, self._printed.tell() - LAST_BYTES))
        lines = self._printed.read().decode(errors="replace").splitlines()[-LAST_LINES:]
        about = Problem(f"{what}; its last lines:", shlex.join(self._command))
        return InputError(about, *(Problem(line, "server") for line in lines))


def _devices(device: str) -> list[Device]:
    """The GPUs of this job: those that it has leased."""
    seen = os.environ.get(DEVICES_VARIABLE)
    return visible_devices(list_devices(), seen) if device == "cuda" else []


# The server of this process, if it has one, by what it was started for.
_RUNNING: dict[str, Server] = {}


def stop_server() -> None:
    """Stop the server of this process."""
    while _RUNNING:
        _RUNNING.popitem()[1].stop()


class _NothingKept(AnswerCache):
    """Answers of a server that may differ next time: batches and finished results are kept."""

    def answers(self) -> dict[str, Answer]:
        return {}

    def add(self, request: str, answer: Answer) -> None:
        pass


class ServedBackend(ServerBackend):
    """Asks a server that it has started, for the study's own prompts."""

    SETTINGS = ServedSettings
    NEEDS = ("template", "base")
    LOCAL = True
    USES_PROXY = False

    def __init__(self, request: Request) -> None:
        """
        Raises:
            InputError: as `ServerBackend`, or the manifest of the model is missing or invalid.
        """
        Backend.__init__(self, request)
        self._own: ServedSettings = request.settings
        self._path = required(request.base)
        self._manifest = read_manifest(self._path)
        self._folder = self._manifest.location(self._path).absolute()
        # Its port is known when it runs.
        server = ServerSettings(url=f"http://{HOST}", model=str(self._folder), api="completions")
        known = {"shots": self._own.shots, "decoding": self._own.decoding, "server": server}
        asked = OpenAISettings(backend="openai", **known)
        super().__init__(replace(request, settings=asked))
        self._cache = _NothingKept(server)

    def identity(self) -> dict[str, str]:
        """The files of the model, without the test records in its evidence; and the server."""
        evidence = Path(EXPORT_EQUALITY).name
        files = {name: x for name, x in self._manifest.files.items() if name != evidence}
        server = self._own.model_dump(mode="json", include={"serve", "version"})
        return {"exported": files_digest(files), **server}

    def load(self) -> None:
        """Start the server, if it does not run yet, and wait until it is ready.

        Raises:
            InputError: the model's files are altered, or the server ends or is not ready in time.
        """
        found = _devices(self._request.device)
        name = canonical_json([self.identity(), str(self._folder), *map(str, found)])
        if name not in _RUNNING or not _RUNNING[name].runs:
            stop_server()
            self._manifest.verify(self._path, f"delete {self._path}, then run again to rebuild it")
            if stop_server not in AT_END:
                # Workers run the functions of AT_END, all other processes those of atexit.
                AT_END.append(stop_server)
                atexit.register(stop_server)
            _RUNNING[name] = Server(self._own.serve, self._folder, found)
        self._running = _RUNNING[name]
        self._address = f"http://{HOST}:{self._running.port}/v1"
        try:
            self._running.wait(self._access.start)
        except InputError:
            stop_server()
            raise

    def generate(self, prompts: Sequence[ServerPrompt], batch: int) -> list[Generated]:  # noqa: ARG002
        """Answer prompts, in order.

        Raises:
            InputError: as `ServerBackend`; the server has ended; or it reads other tokens.
        """
        require_locked(("openai",))
        try:
            asyncio.run(self._ask(self._missing(prompts)))
        except InputError:
            self._running.require_running(SECONDS_OF_LOOK)
            raise
        answers = self._answered(prompts)
        for prompt, answer in zip(prompts, answers, strict=True):
            count = len(self._tokenizer.encode(prompt.text, add_special_tokens=False).ids)
            if answer.prompt_tokens not in (None, count):
                raise self._problem(
                    f"record {prompt.record.id}: the server reads {answer.prompt_tokens} tokens, "
                    f"not the {count} of the prompt: have it add and cut none"
                )
        return answers

    def cost(self) -> dict[str, float | str | None]:
        """As that of any server, with the device."""
        names = [one.name for one in _devices(self._request.device)]
        device = names[0] if names else f"{platform.machine()} CPU"
        return {**super().cost(), "device": device}

    async def _reply(self, client: "AsyncOpenAI", prompt: ServerPrompt) -> str | None:
        # Not all servers know it. A template has the marks of its family.
        body = {"add_special_tokens": False} if self._tokenizer.encode("").ids else {}
        return await super()._reply(client, replace(prompt, body={**prompt.body, **body}))

    @cached_property
    def _tokenizer(self) -> "Tokenizer":
        from tokenizers import Tokenizer

        return Tokenizer.from_file(str(self._folder / "tokenizer.json"))


BACKEND = ServedBackend
