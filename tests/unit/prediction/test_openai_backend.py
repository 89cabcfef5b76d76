"""Predictions of a model that a server runs: nothing is asked twice, and no key is left behind."""

import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import warm
from support.local_server import (
    KEY,
    PRICES,
    VARIABLE,
    Body,
    LocalServer,
    Reply,
    completion,
    failure,
    in_turn,
    local_server,
    prompt_of,
)
from support.model_examples import PROMPTS, make_record, read_lines, run_predict, write_records
from support.project import SCRIPTS

from ecslm.common.errors import InputError
from ecslm.common.manifests import manifest_of, read_manifest
from ecslm.common.results_cache import ROOT_VARIABLE
from ecslm.models.prompts import PromptTemplate
from ecslm.prediction import openai_backend, shown_progress
from ecslm.prediction.openai_backend import ServerModel, ServerPrompt
from ecslm.prediction.openai_settings import AccessSettings, OpenAISettings
from ecslm.schemas.prediction import Prediction, read_predictions


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalServer]:
    """A server; the cache of its answers is in the test's own folder."""
    monkeypatch.chdir(tmp_path)
    with local_server(lambda body: completion(body, f"to {len(prompt_of(body))}")) as running:
        yield running


def settings_of(server: LocalServer, **fields: Any) -> OpenAISettings:
    own = {"url": server.url, "model": "shop-1"} | fields.pop("at", {})
    return OpenAISettings.model_validate({"backend": "openai", "server": own} | fields)


def run(
    folder: Path, server: LocalServer, access: dict[str, Any] | None = None, **fields: Any
) -> list[Prediction]:
    """Predict seven records, all of other prompts; returns the predictions."""
    changes = fields.pop("changes", {})
    folder.mkdir(exist_ok=True)
    access_option = None if access is None else json.dumps(access)
    settings = settings_of(server, **fields)
    output = run_predict(folder, None, None, settings, access=access_option, **changes)
    return read_predictions(output)


def cost(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "cost.json").read_text())
    return content


def test_a_server_answers_the_prompts_of_the_study(server: LocalServer, tmp_path: Path) -> None:
    rows = run(tmp_path, server, {"prices": PRICES})
    template = PromptTemplate(PROMPTS / "alpaca.jinja")
    prompts = [template.render(make_record(number), 0) for number in range(7)]
    assert sorted(server.prompts()) == sorted(prompts)
    assert [row.prediction for row in rows] == [f"to {len(prompt)}" for prompt in prompts]
    assert [row.prompt_tokens for row in rows] == [len(prompt) // 4 for prompt in prompts]
    assert {(row.generated_tokens, row.finish_reason) for row in rows} == {(2, "stop")}
    manifest = read_manifest(manifest_of(tmp_path / "predictions.jsonl"))
    assert manifest.settings["server"] == {
        **{"url": server.url, "model": "shop-1", "api": "chat", "limit": "max_tokens"},
        "sampling": "told",
    }
    assert set(manifest.versions) == {"Jinja2"}
    price = sum(len(prompt) // 4 * 1.0 + 2 * 2.0 for prompt in prompts) / 1e6
    told = cost(tmp_path)
    assert told["price"] == told["paid"] == pytest.approx(price)
    assert (told["currency"], told["prices_as_of"]) == ("USD", "2024-04-09")
    assert (told["requests"], told["answers_from_cache"]) == (7, 0)
    assert told["device"] == f"shop-1 at {server.url}"
    assert told["answered_by"] == "m-1"


def test_completions_are_asked_with_the_markers_of_the_template(
    server: LocalServer, tmp_path: Path
) -> None:
    changes = {"template": PROMPTS / "chatml.jinja"}
    run(tmp_path, server, at={"api": "completions"}, changes=changes)
    assert {one.path for one in server.received} == {"/v1/completions"}
    assert all(prompt.startswith("<|im_start|>system") for prompt in server.prompts())


def test_what_was_asked_for_another_study_is_not_asked_again(
    server: LocalServer, tmp_path: Path
) -> None:
    """Not even with other code, under another name, or with a server that is gone."""
    first = run(tmp_path / "a", server, {"prices": PRICES})
    server.answer = in_turn(failure(404, "retired"))
    access = {"prices": PRICES, "key": VARIABLE, "budget": 1e-9}
    second = run(tmp_path / "b", server, access, changes={"code": "code:2", "model": "Other"})
    assert second == first
    assert len(server.received) == 7
    told, before = cost(tmp_path / "b"), cost(tmp_path / "a")
    assert (told["requests"], told["answers_from_cache"], told["paid"]) == (0, 7, 0)
    assert told["price"] == before["price"] > 0


def test_answers_that_are_kept_cost_what_they_would_at_the_prices_of_the_job(
    server: LocalServer, tmp_path: Path
) -> None:
    """So that rows are compared at prices of one day."""
    run(tmp_path / "a", server, {"prices": PRICES})
    now = PRICES | {"input": 3.0, "output": 6.0, "as_of": "2026-11-01"}
    run(tmp_path / "b", server, {"prices": now}, changes={"code": "code:2"})
    before, after = cost(tmp_path / "a"), cost(tmp_path / "b")
    assert after["price"] == pytest.approx(3 * before["price"])
    assert (before["prices_as_of"], after["prices_as_of"]) == ("2024-04-09", "2026-11-01")
    assert after["paid"] == 0


def test_answers_of_several_models_are_told(
    server: LocalServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As after another model was put behind the same name, while some answers were kept."""
    other = {"model": "m-2"}
    server.answer = in_turn(*[completion] * 3, lambda body: completion(body, **other))
    run(tmp_path, server, {"concurrency": 1})
    assert cost(tmp_path)["answered_by"] == "m-1, m-2"
    assert caplog.messages[-1].endswith("the server names several models: m-1, m-2")


def test_a_withheld_answer_is_counted_and_the_row_is_complete(
    server: LocalServer, tmp_path: Path
) -> None:
    server.answer = in_turn(lambda body: completion(body, None, "content_filter"), completion)
    rows = run(tmp_path, server, {"concurrency": 1})
    assert [row.finish_reason for row in rows] == ["content_filter", *["stop"] * 6]
    assert rows[0].prediction == ""
    assert cost(tmp_path)["withheld_by_content_filter"] == 1


def test_a_reply_that_cannot_be_used_is_an_invalid_answer_that_is_not_kept(
    server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path / "cache"))
    server.answer = in_turn(completion, Reply("{}"), completion)
    rows = run(tmp_path / "a", server, {"concurrency": 1, "prices": PRICES})
    (lost,) = [row for row in rows if row.finish_reason is None]
    assert (lost.prediction, lost.prompt_tokens, lost.generated_tokens) == ("", None, None)
    assert cost(tmp_path / "a")["unusable_answers"] == 1
    # The same job once more.
    rows = run(tmp_path / "b", server)
    assert {row.prediction for row in rows} == {"yes"}
    assert len(server.received) == 7 + 1


def test_what_useless_replies_cost_counts_for_the_budget_of_the_whole_job(
    server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of prompts that are asked one batch after the other."""
    monkeypatch.setattr(openai_backend, "BATCH", 2)
    server.answer = lambda body: completion(body) if len(server.received) == 1 else Reply("{}")
    most = max(len(make_record(n).instruction + make_record(n).input) for n in range(7)) + 600
    with pytest.raises(InputError, match=r"the budget of .* is reached"):
        run(tmp_path, server, {"prices": PRICES, "budget": 3 * most / 1e6, "concurrency": 1})
    assert 1 < len(server.received) < 7


def test_two_jobs_that_ask_at_once_pay_for_each_answer_once(
    server: LocalServer, tmp_path: Path
) -> None:
    server.answer = lambda body: Reply(completion(body).content, seconds=0.05)
    prompts = [ServerPrompt(f"prompt {number}", f"r{number}") for number in range(9)]
    models = [ServerModel(settings_of(server), AccessSettings(), 0, tmp_path) for _ in range(2)]
    with ThreadPoolExecutor() as jobs:
        found = list(jobs.map(lambda model: model.generate(prompts, 0, lambda _: None), models))
    assert found[0] == found[1]
    assert len(server.received) == 9


def test_the_most_that_prompts_may_cost_is_told_before_the_first(
    server: LocalServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    prices = PRICES | {"input": 1e4, "output": 0.0}
    with caplog.at_level(logging.INFO):
        run(tmp_path, server, {"prices": prices})
    most = sum(len(prompt) + 100 for prompt in server.prompts()) / 100
    assert f"7 of 7 prompts to ask, for at most {most:.2f} USD" in caplog.messages


def test_markers_of_turns_for_a_chat_server_are_warned_of(
    server: LocalServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    changes = {"template": PROMPTS / "chatml.jinja"}
    run(tmp_path, server, changes=changes)
    told = f"{changes['template']}: the template has markers of turns"
    assert [line.startswith(told) for line in caplog.messages] == [True]
    caplog.clear()
    run(tmp_path, server, at={"api": "completions"}, changes=changes)
    assert not caplog.messages


def test_sampling_sends_the_seed_of_the_job(server: LocalServer, tmp_path: Path) -> None:
    decoding = {"sample": True, "temperature": 0.15, "top_p": 0.95}
    run(tmp_path, server, decoding=decoding, changes={"seed": 3})
    bodies = [one.body for one in server.received]
    assert {(body["seed"], body["temperature"], body["top_p"]) for body in bodies} == {
        (3, 0.15, 0.95)
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"template": None}, "--template: missing: backend openai needs it"),
        ({"base": Path("base.json")}, "--base: backend openai takes none: leave it out"),
        ({"access": '{"kye": "A"}'}, "--access: kye: unknown key"),
    ],
)
def test_options_that_do_not_fit_are_one_line(
    server: LocalServer, tmp_path: Path, changes: dict[str, Any], expected: str
) -> None:
    (tmp_path / "base.json").write_text("{}")
    options = {"base": None, "settings": settings_of(server)} | changes
    with pytest.raises(InputError) as caught:
        run_predict(tmp_path, **options)
    assert caught.value.problems == (expected,)
    assert not server.received


def script(server: LocalServer, folder: Path, access: dict[str, Any]) -> list[str]:
    """The command that predicts seven records."""
    folder.mkdir(exist_ok=True)
    options = {
        "--dataset": write_records(folder / "test.jsonl", 7, split="test"),
        "--template": PROMPTS / "alpaca.jinja",
        "--settings": settings_of(server).model_dump_json(),
        "--access": json.dumps(access),
        "--output": folder / "predictions.jsonl",
        "--log": folder / "log.txt",
    }
    words = [str(word) for pair in options.items() for word in pair]
    return [sys.executable, str(SCRIPTS / "predict.py"), *words]


@settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(at=st.integers(1, 7), concurrency=st.integers(1, 3))
def test_a_killed_job_repeats_only_the_requests_on_their_way(
    server: LocalServer,
    tmp_path_factory: pytest.TempPathFactory,
    at: int,
    concurrency: int,
) -> None:
    folder = tmp_path_factory.mktemp("killed")
    access = {"concurrency": concurrency, "prices": PRICES, "budget": 1}
    command = script(server, folder, access)[1:]
    started: list[warm.WarmProcess] = []
    running = threading.Event()

    def kill(body: Body) -> Reply:
        running.wait()
        if len(server.received) >= at:
            started[0].kill()
        return completion(body)

    server.received.clear()
    server.answer = kill
    with Path(os.devnull).open("wb") as nowhere:
        started.append(warm.start(command, folder, nowhere, nowhere, os.environ))
        running.set()
        assert started[0].wait(200) == -signal.SIGKILL
    before = len(server.received)
    server.answer = completion
    done = warm.run(command, folder)
    assert done.returncode == 0, done.stderr
    assert [row["prediction"] for row in read_lines(folder / "predictions.jsonl")] == ["yes"] * 7
    asked = Counter(server.prompts())
    assert (len(asked), max(asked.values())) in {(7, 1), (7, 2)}
    repeated = asked.total() - 7
    assert repeated <= min(before, concurrency)


def test_a_job_that_is_stopped_waits_for_no_answer(server: LocalServer, tmp_path: Path) -> None:
    server.answer = lambda body: Reply(completion(body).content, seconds=200.0)
    command = script(server, tmp_path, {"prices": PRICES})
    job = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    until = time.monotonic() + 120
    while len(server.received) < 7:
        assert time.monotonic() < until
        time.sleep(0.02)
    job.send_signal(signal.SIGTERM)
    _, printed = job.communicate(timeout=100)
    assert job.returncode == 130
    line = "error: interrupted: run again to continue from what is finished"
    assert printed.splitlines()[-1] == line


def test_the_key_is_in_no_output_and_no_file(server: LocalServer, tmp_path: Path) -> None:
    """Whether all goes well or the server is as talkative as can be, and even if OpenAI's client is
    told to log all that it does."""
    environment = os.environ | {VARIABLE: KEY, "OPENAI_LOG": "debug"}
    echo = failure(400, f"Bearer {KEY}")
    seen = []
    for answer in (in_turn(failure(429, f"not so fast, {KEY}"), completion), in_turn(echo)):
        server.answer = answer
        server.received.clear()
        folder = tmp_path / str(len(seen))
        command = script(server, folder, {"key": VARIABLE, "prices": PRICES})
        if seen:
            # Other prompts than those that are answered.
            command[command.index("--template") + 1] = str(PROMPTS / "llama3.jinja")
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, check=False
        )
        assert server.received[0].headers["authorization"] == f"Bearer {KEY}"
        seen.append((done.returncode, done.stdout + done.stderr))
    assert [code for code, _ in seen] == [0, 1]
    assert b"refused the request (400: Bearer ***)" in seen[1][1]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 7
    texts = [text for _, text in seen] + [path.read_bytes() for path in files]
    assert not [text for text in texts if KEY.encode() in text]


def test_progress_is_shown_by_answers_and_not_by_batches(
    server: LocalServer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shown_progress, "SECONDS_BETWEEN_LINES", 0.0)
    server.answer = in_turn(*[completion] * 2, failure(400, "no"), completion)
    with pytest.raises(InputError, match="refused"):
        run(tmp_path, server, {"concurrency": 1})
    caplog.clear()
    with caplog.at_level(logging.INFO):
        run(tmp_path, server, {"concurrency": 1})
    told = [line for line in caplog.messages if re.fullmatch(r"\d of 7 prompts", line)]
    numbers = [int(line[0]) for line in told]
    # Two are there, then one comes after the other, and the batch is finished.
    assert numbers == [2, 3, 4, 5, 6, 7, 7]


def test_the_log_has_no_line_for_each_request(
    server: LocalServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from ecslm.common.logs import start_log

    start_log(None)
    with caplog.at_level(logging.INFO):
        run(tmp_path, server)
    assert not [record for record in caplog.records if "HTTP" in record.getMessage()]
