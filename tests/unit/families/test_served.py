"""Predictions of an exported model behind a server that the job starts, and that ends with it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import psutil
import pytest
from support.interruption import wait_until
from support.model_examples import PROMPTS, read_lines, run_predict, write_records
from support.project import SCRIPTS
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from ecslm.common.devices import Device
from ecslm.common.errors import InputError
from ecslm.common.files import read_json, write_text
from ecslm.common.locks import DEVICES_VARIABLE, RUN_VARIABLE
from ecslm.common.manifests import made_from, write_manifest
from ecslm.common.worker import LEASE_VARIABLE
from ecslm.families.openai import backend as openai_backend
from ecslm.families.openai.settings import ServedSettings
from ecslm.families.served import backend as served_backend
from ecslm.families.served.backend import ServedBackend, stop_server
from ecslm.fingerprint.running import code_parameter
from ecslm.schemas.paths import SERVER_ANSWERS

# What it prints, its number and requests are lines of files in the model's folder.
SERVER = """
import json, os, subprocess, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from tokenizers import Tokenizer

folder, port, mode = sys.argv[1:]
tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
child = subprocess.Popen(["sleep", "1000"])

def note(name, text):
    with open(f"{folder}/{name}", "a") as file:
        print(text, file=file)

note("numbers", os.getpid())
note("numbers", child.pid)
note("devices", os.environ.get("CUDA_VISIBLE_DEVICES"))
print("loading weights", flush=True)
if mode == "breaks":
    sys.exit("no kernel image")
if mode == "loads":
    time.sleep(1000)

class Handler(BaseHTTPRequestHandler):
    def say(self, value, status=200):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(value).encode())

    def do_GET(self):
        self.say({}, 200 if self.path == "/v1/models" else 404)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        note("asked", json.dumps(body))
        if mode == "dies":
            print("out of memory", flush=True)
            os._exit(3)
        if mode == "hangs":
            time.sleep(1000)
        count = len(tokenizer.encode(body["prompt"], add_special_tokens=False).ids)
        usage = {"prompt_tokens": count + (mode == "adds"), "completion_tokens": 1}
        reply = {"choices": [{"text": "yes", "finish_reason": "stop"}], "usage": usage}
        self.say({} if mode == "babbles" else reply)

    def log_message(self, *_):
        pass

ThreadingHTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()
"""


@dataclass(frozen=True)
class Exported:
    """A made-up export, and the jobs that serve it."""

    folder: Path

    @property
    def manifest(self) -> Path:
        return self.folder / "manifest.json"

    def write(self, start: str | None = None, evidence: str = "{}") -> None:
        """Write the folder anew; its tokenizer may put a token at the start of a text."""
        made = Tokenizer(models.WordLevel({"[UNK]": 0, "<s>": 1}, unk_token="[UNK]"))
        made.pre_tokenizer = pre_tokenizers.Whitespace()
        if start:
            made.post_processor = processors.TemplateProcessing(f"{start} $A", None, [(start, 1)])
        made.save(str(self.folder / "tokenizer.json"))
        write_text(self.folder / "equality.json", evidence)
        files = [self.folder / name for name in ("tokenizer.json", "equality.json")]
        write_manifest(self.manifest, made_from([], {}, None, {}), files)

    def settings(self, mode: str = "", **fields: Any) -> ServedSettings:
        script = self.folder.with_name("server.py")
        command = f"{sys.executable} {script} {{model}} {{port}} '{mode}'"
        return ServedSettings(backend="served", serve=command, **fields)

    def predict(
        self, name: str, mode: str = "", device: str = "cpu", **fields: Any
    ) -> list[dict[str, Any]]:
        """Predict seven records; the rows."""
        folder = self.folder.with_name(name)
        folder.mkdir(exist_ok=True)
        own = self.settings(mode, **fields)
        start = 1 if mode == "loads" else 60
        access = json.dumps({"start": start, "retries": 0, "concurrency": 3})
        options = {"access": access, "device": device}
        return read_lines(run_predict(folder, self.manifest, None, own, **options))

    def refused(self, mode: str, **fields: Any) -> list[str]:
        """The problems of such a prediction, after which nothing of its server is left."""
        with pytest.raises(InputError) as caught:
            self.predict("refused", mode, **fields)
        return list(caught.value.problems)

    def job(self, mode: str, run: int | None = None, **fields: Any) -> "subprocess.Popen[bytes]":
        """A job of a run, or alone."""
        folder, own = self.folder.with_name("job"), self.settings(mode, **fields)
        folder.mkdir(exist_ok=True)
        options: dict[str, object] = {
            "--dataset": write_records(folder / "test.jsonl", 7, split="test"),
            "--template": PROMPTS / "alpaca.jinja",
            "--settings": own.model_dump_json(),
            "--base": self.manifest,
            "--output": folder / "predictions.jsonl",
        }
        if run is not None:
            options["--code"] = code_parameter("predict.py", own.modules())
        words = [str(word) for pair in options.items() for word in pair]
        given = os.environ | ({} if run is None else {RUN_VARIABLE: str(run)})
        command = [sys.executable, str(SCRIPTS / "predict.py"), *words]
        return subprocess.Popen(command, env=given, cwd=self.folder.parent)

    def lines(self, name: str) -> list[str]:
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []

    def running(self) -> list[int]:
        """Processes of servers that run."""
        numbers = filter(psutil.pid_exists, map(int, self.lines("numbers")))
        return [one for one in numbers if psutil.Process(one).status() != psutil.STATUS_ZOMBIE]

    def wait_for_end(self) -> None:
        wait_until(lambda: not self.running(), lambda: str(self.running()))


@pytest.fixture
def exported(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Exported]:
    # A server of this machine is reached without one.
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    write_text(empty_folder / "server.py", SERVER)
    # A name in which a shell would see more.
    made = Exported(empty_folder / "a $model {x}")
    made.folder.mkdir()
    made.write()
    yield made
    stop_server()
    # They have closed their files, and may not have ended yet.
    made.wait_for_end()


def test_a_server_is_started_once_and_asked_for_the_studys_prompts(exported: Exported) -> None:
    rows = exported.predict("a")
    assert {row["prediction"] for row in rows} == {"yes"} and len(rows) == 7
    asked = [json.loads(line) for line in exported.lines("asked")]
    assert {one["model"] for one in asked} == {str(exported.folder)}
    assert all(one["prompt"].endswith("### Response:\n") for one in asked)
    cost = read_json(exported.folder.with_name("a") / "cost.json")
    assert cost["requests"] == 7
    assert cost["device"].endswith(" CPU") and not SERVER_ANSWERS.exists()
    # Another job, then one of other settings, and one of another model.
    assert exported.predict("b", version="7.1", decoding={"max_new_tokens": 9})
    assert len(exported.lines("numbers")) == 2 * 2 and len(exported.running()) == 2
    exported.predict("c", version="7.1", decoding={"max_new_tokens": 9})
    assert len(exported.lines("numbers")) == 2 * 2
    exported.write("<s>")
    exported.predict("a", version="7.1")
    assert json.loads(exported.lines("asked")[-1])["add_special_tokens"] is False
    assert "add_special_tokens" not in asked[0]
    assert len(exported.lines("numbers")) == 3 * 2 and len(exported.running()) == 2


def test_a_finished_result_starts_no_server(exported: Exported) -> None:
    rows = exported.predict("a")
    stop_server()
    (exported.folder.with_name("a") / "predictions.jsonl").unlink()
    # The test records in its evidence do not make it another model.
    exported.write(evidence="[]")
    assert exported.predict("a") == rows and len(exported.lines("asked")) == 7


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("breaks", ["the server has ended", "loading weights", "no kernel image", "with status 1"]),
        ("loads", ["not ready after 1 s: see `start`", "server: loading weights"]),
        ("dies", ["the server has ended", "loading weights", "out of memory", "with status 3"]),
        ("adds", ["tokens, not the "]),
        ("babbles", ["not an answer of the completions API"]),
    ],
)
def test_a_server_that_fails_is_told_of_with_its_last_lines(
    exported: Exported, mode: str, expected: list[str]
) -> None:
    lines = exported.refused(mode)
    assert len(lines) == len(expected)
    assert all(part in line for part, line in zip(expected, lines, strict=True)), lines


def test_altered_weights_are_refused(exported: Exported) -> None:
    write_text(exported.folder / "tokenizer.json", "{}")
    assert "altered" in exported.refused("")[0] and not exported.lines("numbers")


def test_answers_from_before_a_kill_are_usable_and_kept(exported: Exported) -> None:
    whole = ServedBackend.generate

    def killed(backend: ServedBackend, prompts: Any, batch: int) -> Any:
        assert batch == 0, "killed"
        return whole(backend, prompts, batch)

    with mock.patch.object(openai_backend, "BATCH", 3):
        with mock.patch.object(ServedBackend, "generate", killed), pytest.raises(AssertionError):
            exported.predict("a")
        exported.predict("a")
    assert len(exported.lines("asked")) == 7
    made = exported.folder.with_name("a")
    assert read_json(made / "cost.json")["unusable_answers"] == 0
    assert read_json(made / "predictions.manifest.json")["action"] is not None


def test_nothing_is_left_of_a_server_whose_job_is_killed(exported: Exported) -> None:
    job = exported.job("hangs")
    wait_until(lambda: bool(exported.lines("asked")), lambda: "", lambda: job.poll() is None)
    assert len(exported.running()) == 2
    job.kill()
    job.wait()
    exported.wait_for_end()


def test_jobs_of_a_run_share_a_server_that_ends_with_the_run(exported: Exported) -> None:
    run = subprocess.Popen(["sleep", "1000"])
    try:
        for length in (8, 9):
            assert exported.job("", run.pid, decoding={"max_new_tokens": length}).wait() == 0
        assert len(exported.lines("asked")) == 14
        assert len(exported.lines("numbers")) == len(exported.running()) == 2
    finally:
        run.kill()
        run.wait()
    exported.wait_for_end()


def test_a_server_sees_the_leased_gpu_by_its_number(
    exported: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus = [Device("GPU-a", 0, "H100"), Device("GPU-b", 1, "H100")]
    monkeypatch.setattr(served_backend, "list_devices", lambda: gpus)
    for name in (LEASE_VARIABLE, DEVICES_VARIABLE):
        monkeypatch.setenv(name, "GPU-b")
    exported.predict("a", device="cuda")
    exported.predict("b", decoding={"max_new_tokens": 9})
    assert exported.lines("devices") == ["1", ""]
    assert read_json(exported.folder.with_name("a") / "cost.json")["device"] == "H100"
