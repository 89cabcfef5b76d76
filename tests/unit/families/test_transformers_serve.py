"""A server that others have written: `transformers serve`, with a tiny model."""

import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.interruption import wait_until
from support.model_examples import prediction_settings, read_lines, run_predict

from ecslm.common.files import read_json, write_json
from ecslm.families.openai.settings import OpenAISettings

pytestmark = pytest.mark.slow

CHAT = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
SERVE = "from transformers.cli.transformers import main; main()"


@pytest.fixture(scope="module")
def served(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The URL of a server of the tiny model, and what it calls the model. Its turns have no
    markers, so that a message is all that the model reads."""
    folder = tmp_path_factory.mktemp("served")
    model = Path(shutil.copytree(tiny_model, folder / "model"))
    config = model / "tokenizer_config.json"
    write_json(config, read_json(config) | {"chat_template": CHAT})
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu", "--dtype", "float32"]
    with (folder / "log.txt").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-c", SERVE, "serve", str(model), *options],
            env=os.environ | {"HF_HUB_OFFLINE": "1"},
            stdout=log,
            stderr=log,
        )

    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as response:
                return bool(response.status == 200)
        except OSError:
            return False

    try:
        wait_until(answers, (folder / "log.txt").read_text, lambda: server.poll() is None)
        yield {"url": f"http://127.0.0.1:{port}/v1", "model": str(model)}
    finally:
        server.terminate()
        server.wait()


@pytest.mark.parametrize("api", ["chat", "completions"])
def test_a_served_model_answers_as_it_does_in_the_job(
    served: dict[str, str], tiny_base: Path, empty_folder: Path, api: str
) -> None:
    for name in ("here", "there"):
        (empty_folder / name).mkdir()
    own = {"backend": "openai", "server": served | {"api": api}, "decoding": {"max_new_tokens": 24}}
    here = run_predict(empty_folder / "here", tiny_base, None, prediction_settings())
    there = run_predict(empty_folder / "there", None, None, OpenAISettings.model_validate(own))
    assert read_lines(there) == read_lines(here)
