"""Predictions of a model that a server runs: nothing is asked or paid twice, each failure is one
line, and no key is left behind."""

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import openai._base_client
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
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
from support.model_examples import PROMPTS, make_record, run_predict, write_records
from support.project import SCRIPTS

from ecslm.common.errors import InputError
from ecslm.common.files import read_json, validated
from ecslm.common.logs import start_log
from ecslm.common.manifests import manifest_of, read_manifest
from ecslm.common.results_cache import ROOT_VARIABLE
from ecslm.families.backend import Generated, Request
from ecslm.families.openai import backend as openai_backend
from ecslm.families.openai.backend import ServerBackend, ServerPrompt, prompt_for
from ecslm.families.openai.settings import AccessSettings, OpenAISettings, ServerSettings
from ecslm.models.prompts import PromptTemplate
from ecslm.schemas.paths import SERVER_ANSWERS
from ecslm.schemas.prediction import ScoredPrediction, read_predictions

# At these prices a prompt of 10 letters may have 110 tokens at 1 a million, and 10 of its answer
# at 2; it has 2 and 1.
MOST = 130e-6


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalServer]:
    """A server; the cache of its answers is in the test's own folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, KEY)
    with local_server(lambda body: completion(body, f"to {len(prompt_of(body))}")) as running:
        yield running


def settings_of(url: str, at: Mapping[str, Any] | None = None, **decoding: Any) -> OpenAISettings:
    """Settings of a server; `at` replaces some of what it is asked by."""
    own = {"url": url, "model": "shop-1"} | dict(at or {})
    return OpenAISettings.model_validate(
        {"backend": "openai", "server": own, "decoding": {"max_new_tokens": 10} | decoding}
    )


def run(
    folder: Path,
    server: LocalServer,
    access: Mapping[str, Any] | None = None,
    at: Mapping[str, Any] | None = None,
    **changes: Any,
) -> list[ScoredPrediction]:
    """Predict seven records, all of other prompts; returns the predictions."""
    folder.mkdir(exist_ok=True)
    option = None if access is None else json.dumps(access)
    own = settings_of(server.url, at)
    return read_predictions(run_predict(folder, None, None, own, access=option, **changes))


def opened(server: LocalServer, access: Mapping[str, Any]) -> ServerBackend:
    template, own = PROMPTS / "alpaca.jinja", settings_of(server.url)
    return ServerBackend(Request(settings=own, template=template, access=json.dumps(access)))


def asked(server: LocalServer, count: int = 1, **access: Any) -> list[Generated]:
    """The answers to the prompts `prompt 000` and so on."""
    return opened(server, access).generate(prompts_for(server, count), 0)


def prompts_for(server: LocalServer, count: int) -> list[ServerPrompt]:
    records = [make_record(number, id=f"r{number:03d}") for number in range(count)]
    return [prompt_for(one, f"prompt {one.id[1:]}", settings_of(server.url), 0) for one in records]


def problem(server: LocalServer, count: int = 1, **access: Any) -> str:
    """The one line that a request ends with, without the server's address."""
    with pytest.raises(InputError) as caught:
        asked(server, count, **access)
    (line,) = caught.value.problems
    assert line.startswith(f"{server.url}: ")
    return line.removeprefix(f"{server.url}: ")


# What is asked.


def test_a_request_is_in_the_terms_of_the_server_and_another_if_they_are() -> None:
    url, drawn = "https://models.example/v1", {"sample": True, "temperature": 0.5, "top_p": 0.9}
    completions = {"api": "completions", "limit": "max_completion_tokens"}
    told = {"temperature": 0.5, "top_p": 0.9, "seed": 7}
    greedy = {"messages": 1, "max_tokens": 10, "temperature": 0.0}
    cases: list[tuple[OpenAISettings, dict[str, Any]]] = [
        (settings_of(url), greedy),
        (settings_of(url, completions, **drawn), {"prompt": 1, "max_completion_tokens": 10} | told),
        (settings_of(url, {"sampling": "own"}, **drawn), {"messages": 1, "max_tokens": 10}),
        (settings_of(url, {"model": "b"}), greedy),
        (settings_of("https://a.b/v1"), greedy),
    ]
    keys = set()
    texts = {"messages": [{"role": "user", "content": "Hi"}], "prompt": "Hi"}
    one, other = make_record(0), make_record(1)
    for own, body in cases:
        asked = prompt_for(one, "Hi", own, seed=7)
        expected = {name: texts.get(name, value) for name, value in body.items()}
        assert asked.body == {"model": own.server.model} | expected
        # A seed is only sent where something is drawn; the record is not.
        assert (prompt_for(other, "Hi", own, 8).key == asked.key) == ("seed" not in body)
        keys |= {asked.key, prompt_for(one, "hi", own, 7).key}
    assert len(keys) == 2 * len(cases)
    # No tokenizer makes more tokens than there are bytes.
    assert prompt_for(one, "\u00fc", settings_of(url), 7).most_tokens == (2 + 100, 10)


def problems(form: type, value: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(InputError) as caught:
        validated(form, value, "here")
    return caught.value.problems


def test_urls_and_keys_that_may_be_secrets_are_refused_without_showing_them() -> None:
    with_secrets = ("//me:sk-1@a.b/v1", "//sk-1@a.b", "//a.b?key=sk-1", "//a.b#sk-1")
    with_secrets += ("//me:sk-1/2@a.b", "//[a.b?key=sk-1")
    for url in (*(f"https:{rest}" for rest in with_secrets), "a.b/v1", "ftp://a.b", ""):
        (line,) = problems(ServerSettings, {"url": url, "model": "m"})
        assert line.startswith("here: url: should ") and "sk-1" not in line
    assert ServerSettings(url="https://a.b/v1/", model="m").url == "https://a.b/v1"
    for key in ("sk-1", "sk_1", ""):
        expected = "should be the name of an environment variable, in capitals, not the key"
        assert problems(AccessSettings, {"key": key}) == (f"here: key: {expected}",)
    assert "`budget` needs `prices`" in problems(AccessSettings, {"budget": 5})[0]


# Whole jobs.


def test_a_server_answers_the_prompts_of_the_study(
    server: LocalServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The most that this may cost is told before; no line of the log is that of a request."""
    start_log(None)
    with caplog.at_level(logging.INFO):
        rows = run(tmp_path, server, {"prices": PRICES | {"input": 1e4, "output": 0.0}})
    template = PromptTemplate(PROMPTS / "alpaca.jinja")
    prompts = [template.render(make_record(number), 0) for number in range(7)]
    assert sorted(server.prompts()) == sorted(prompts)
    assert [row.prediction for row in rows] == [f"to {len(prompt)}" for prompt in prompts]
    assert [row.prompt_tokens for row in rows] == [len(prompt) // 4 for prompt in prompts]
    assert {(row.generated_tokens, row.finish_reason) for row in rows} == {(2, "stop")}
    manifest = read_manifest(manifest_of(tmp_path / "predictions.jsonl"))
    assert manifest.settings["server"]["url"] == server.url
    assert set(manifest.versions) == {"Jinja2"}
    told = read_json(tmp_path / "cost.json")
    price = sum(len(prompt) // 4 for prompt in prompts) / 100
    assert told["price"] == told["paid"] == pytest.approx(price)
    expected = {
        **{"requests": 7, "answers_from_cache": 0, "device": f"shop-1 at {server.url}"},
        **{"answered_by": "m-1", "currency": "USD", "prices_as_of": "2024-04-09"},
    }
    assert told.items() >= expected.items()
    most = sum(len(prompt) + 100 for prompt in prompts) / 100
    assert f"7 of 7 prompts to ask, for at most {most:.2f} USD" in caplog.messages
    assert not [line for line in caplog.messages if "HTTP" in line]


def test_what_was_asked_for_another_study_is_not_asked_again_and_costs_what_it_would_now(
    server: LocalServer, tmp_path: Path
) -> None:
    """Not even with other code, under another name, or with a server that is gone. Rows are
    compared at prices of one day."""
    first = run(tmp_path / "a", server, {"prices": PRICES})
    server.answer = in_turn(failure(404, "retired"))
    now = PRICES | {"input": 3.0, "output": 6.0, "as_of": "2026-11-01"}
    access = {"prices": now, "key": VARIABLE, "budget": 1e-9}
    second = run(tmp_path / "b", server, access, code="code:2", model="Other")
    assert second == first
    assert len(server.received) == 7
    told, before = read_json(tmp_path / "b/cost.json"), read_json(tmp_path / "a/cost.json")
    assert (told["requests"], told["answers_from_cache"], told["paid"]) == (0, 7, 0)
    assert told["price"] == pytest.approx(3 * before["price"])
    assert told["prices_as_of"] == "2026-11-01"


def test_a_reply_that_cannot_be_used_is_an_invalid_answer_that_is_not_kept(
    server: LocalServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path / "cache"))
    server.answer = in_turn(completion, Reply("{}"), completion)
    rows = run(tmp_path / "a", server, {"concurrency": 1, "prices": PRICES})
    (lost,) = [row for row in rows if row.finish_reason is None]
    assert (lost.prediction, lost.prompt_tokens, lost.generated_tokens) == ("", None, None)
    assert read_json(tmp_path / "a/cost.json")["unusable_answers"] == 1
    line = f"record {lost.id}: not an answer of the chat API: {{}}: counts as invalid"
    assert caplog.messages == [line]
    # The same job twice more. The model has given answers that can be used before.
    server.answer = in_turn(Reply("{}"), completion)
    assert run(tmp_path / "b", server) == rows
    assert {row.prediction for row in run(tmp_path / "c", server)} == {"yes"}
    assert len(server.received) == 7 + 2


def test_markers_of_turns_are_for_completions_alone(
    server: LocalServer, caplog: pytest.LogCaptureFixture
) -> None:
    shown = make_record(few_shot_example='{"input": "socks", "options": null, "output": "yes"}')
    template = PROMPTS / "chatml.jinja"
    for api, path, lines in (("completions", "completions", 0), ("chat", "chat/completions", 1)):
        own = settings_of(server.url, {"api": api}).model_copy(update={"shots": 1})
        backend = ServerBackend(Request(settings=own, template=template))
        prompts = backend.prompts([shown])
        backend.generate(prompts, 0)
        assert server.prompts()[-1] == PromptTemplate(template).render(shown, 1)
        assert server.received[-1].path == f"/v1/{path}"
        told = f"{template}: the template has markers of turns"
        assert [line.startswith(told) for line in caplog.messages] == [True] * lines


# Processes.


def script(server: LocalServer, folder: Path, access: dict[str, Any]) -> list[str]:
    """The command that predicts seven records."""
    folder.mkdir(exist_ok=True)
    options = {
        "--dataset": write_records(folder / "test.jsonl", 7, split="test"),
        "--template": PROMPTS / "alpaca.jinja",
        "--settings": settings_of(server.url).model_dump_json(),
        "--access": json.dumps(access),
        "--output": folder / "predictions.jsonl",
        "--log": folder / "log.txt",
    }
    words = [str(word) for pair in options.items() for word in pair]
    return [sys.executable, str(SCRIPTS / "predict.py"), *words]


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM])
def test_a_job_that_is_ended_waits_for_no_answer_and_repeats_only_requests_on_their_way(
    server: LocalServer, tmp_path: Path, sent: int
) -> None:
    access = {"concurrency": 3, "prices": PRICES, "budget": 1}
    waiting = Reply("", seconds=200.0)
    server.answer = in_turn(*[completion] * 4, waiting)
    command = script(server, tmp_path, access)
    job = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    until = time.monotonic() + 120
    while len(server.received) < 7:
        assert time.monotonic() < until
        time.sleep(0.02)
    job.send_signal(sent)
    _, printed = job.communicate(timeout=100)
    told = "error: interrupted: run again to continue" in printed
    assert told == (sent == signal.SIGTERM)
    server.answer = completion
    assert {row.prediction for row in run(tmp_path, server, access)} == {"yes"}
    assert sorted(Counter(server.prompts()).values()) == [1, 1, 1, 1, 2, 2, 2]


def test_the_key_is_in_no_output_and_no_file(server: LocalServer, tmp_path: Path) -> None:
    """However talkative the server is, and even if OpenAI's client is to log all that it does."""
    echo = failure(400, f"Bearer {KEY}")
    server.answer = in_turn(failure(429, f"not so fast, {KEY}"), completion, completion, echo)
    command = script(server, tmp_path, {"key": VARIABLE, "prices": PRICES, "concurrency": 1})
    environment = os.environ | {"OPENAI_LOG": "debug"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert {one.headers["authorization"] for one in server.received} == {f"Bearer {KEY}"}
    assert done.returncode == 1
    assert b"400 (" in done.stderr and b"Bearer ***" in done.stderr
    texts = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert [text.count(b"\n") for text in texts if b'"prompt_tokens"' in text] == [2]
    assert not [text for text in (done.stdout, done.stderr, *texts) if KEY.encode() in text]


# The client.


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (failure(401, "bad"), "record r000: 401 ({'message': 'bad'"),
        (Reply({"detail": "no room"}, 400), "record r000: 400 ({'detail': 'no room'}): see "),
        (failure(429, "q", {"Retry-After": "3600"}), "record r000: 429 ({'message': 'q'"),
        (Reply("moved", 302, {"Location": "/login"}), "record r000: 302 (moved): see `key` in "),
        (Reply("<html>\nPlease log in</html>"), "answers with a web page: change `url` in "),
        (Reply({"error": {"message": "no credit"}}), "failed: {'message': 'no credit'}"),
        (Reply({"choices": []}), 'record r002: not an answer of the chat API: {"choices": []}'),
        (Reply("half of it", cut=True), "cannot be reached, or "),
    ],
)
def test_a_refusal_is_one_line_that_says_what_to_do(
    server: LocalServer, reply: Reply, expected: str
) -> None:
    server.answer = in_turn(reply)
    line = problem(server, 3, key=VARIABLE, retries=0, timeout=1, concurrency=1)
    assert line.startswith(expected) and "\n" not in line
    # To another request there may be a reply that can be used.
    assert len(server.received) == (3 if "not an answer" in expected else 1)


def test_the_key_is_sent_without_one_no_other_is_and_what_is_none_is_one_line(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another-server")
    for access, sent in (({"key": VARIABLE}, KEY), ({}, "none")):
        asked(server, **access)
        assert [one.headers["authorization"] for one in server.received] == [f"Bearer {sent}"]
        forget(server)
    for value in (" \n", "sk-schlüssel", "sk-\nschl"):
        monkeypatch.setenv(VARIABLE, value)
        line = problem(server, key=VARIABLE)
        assert line.startswith(f"the environment variable {VARIABLE} is not set, or to what is no ")
        assert "schl" not in line
    assert not server.received


def forget(server: LocalServer) -> None:
    """Forget what was asked and answered."""
    server.received.clear()
    shutil.rmtree(SERVER_ANSWERS)


def test_no_request_is_sent_that_may_pass_the_budget(server: LocalServer) -> None:
    """Whether answers are short or have all tokens that they may have."""
    access = {"prices": PRICES, "budget": 2.01 * MOST}
    short = {"prompt_tokens": 2, "completion_tokens": 1}
    server.answer = lambda body: completion(body, usage=short)
    assert problem(server, 99, **access, concurrency=1) == (
        "the budget of 0.00026 is reached: answers, and requests on their way, may cost 0.00013, "
        "and the next 0.00013: raise `budget` in `access`; answers so far are kept"
    )
    assert len(server.received) == 33
    forget(server)
    server.answer = lambda body: completion(
        body, usage={"prompt_tokens": 110, "completion_tokens": 10}
    )
    assert "budget" in problem(server, 99, **access, concurrency=3)
    # Answers of earlier jobs count.
    assert "budget" in problem(server, 99, **access)
    assert len(server.received) == 2
    # A reply that cannot be used may have been charged.
    forget(server)
    server.answer = in_turn(Reply("{}"))
    assert "budget" in problem(server, 99, **access, concurrency=1)
    assert len(server.received) == 2
    # Also before the batches that follow.
    forget(server)
    backend = opened(server, access)
    prompts = prompts_for(server, 3)
    server.answer = in_turn(lambda body: completion(body, usage=short), Reply("{}"))
    for number in range(2):
        backend.generate(prompts[number : number + 1], number)
    with pytest.raises(InputError, match="budget"):
        backend.generate(prompts[2:], 2)


# Whatever a server does, in whatever order.


COUNTS = '{"prompt_tokens": 1, "completion_tokens": 1}'


def right(body: Body) -> str:
    """The answer to a prompt."""
    return f"to {prompt_of(body)}"


def raw(message: str, reason: str = "stop", usage: str = COUNTS) -> Reply:
    """A reply as it is written, in which letters may be escaped."""
    choice = f'{{"message": {message}, "finish_reason": "{reason}"}}'
    return Reply(f'{{"choices": [{choice}], "usage": {usage}}}')


def test_a_proxy_that_cannot_be_used_is_one_line_without_its_password(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://me:sec/ret@proxy")
    line = problem(server)
    assert line.startswith("the environment's proxy or certificates cannot be used")
    assert "sec" not in line


ESCAPED = "".join(f"\\u{ord(letter):04x}" for letter in KEY)
ANSWERS: dict[str, Callable[[Body], Reply] | Reply] = {
    "an answer": lambda body: completion(body, right(body)),
    "a refusal": lambda body: raw(json.dumps({"content": None, "refusal": right(body)})),
}
WITHHELD: dict[str, Callable[[Body], Reply] | Reply] = {
    "a filtered answer": lambda body: completion(body, None, "content_filter"),
    "a filtered prompt": Reply({"error": {"message": KEY, "code": "content_filter"}}, 400),
}
NO_ANSWERS: dict[str, Callable[[Body], Reply] | Reply] = {
    **{
        f"status {status}": failure(status, f"status {status} for {KEY}")
        for status in (302, 400, 401, 429, 500)
    },
    "a cut": lambda body: Reply(completion(body, right(body)).content, cut=True),
    "no gzip": Reply("{}", headers={"Content-Encoding": "gzip"}),
    "HTML": Reply(f"<html><body>{KEY}</body></html>"),
    "an error": Reply({"error": {"message": f"no luck,\n{KEY} {'x' * 9999}", "code": 500}}),
    "a list of texts": raw('{"content": [{"type": "text", "text": "yes"}]}'),
    "half a letter": raw('{"content": "\\ud83d"}'),
    "no counts": raw('{"content": "yes"}', usage="{}"),
    "the key": raw(f'{{"content": "Bearer {KEY}"}}'),
    "the escaped key": raw(f'{{"content": "{ESCAPED}"}}'),
    "the key as reason": raw('{"content": "yes"}', ESCAPED),
}
REPLIES = ANSWERS | WITHHELD | NO_ANSWERS
ALL = list(REPLIES)


@example(names=ALL, count=6, concurrency=3, retries=1, budget=None)
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    names=st.lists(st.just("an answer") | st.sampled_from(ALL), max_size=12),
    count=st.integers(1, 6),
    concurrency=st.integers(1, 4),
    retries=st.integers(0, 2),
    budget=st.none() | st.floats(0.0001, 0.002),
)
def test_a_job_that_is_run_until_it_ends_has_all_answers_once(
    tmp_path_factory: pytest.TempPathFactory,
    server: LocalServer,
    caplog: pytest.LogCaptureFixture,
    names: list[str],
    count: int,
    concurrency: int,
    retries: int,
    budget: float | None,
) -> None:
    cache = tmp_path_factory.mktemp("api")
    patch_cache = mock.patch.object(openai_backend, "SERVER_ANSWERS", cache)
    left, done, lock = list(names), [], threading.Lock()

    def reply(body: Body) -> Reply:
        with lock:
            name = left.pop(0) if left else "an answer"
            done.append((name, prompt_of(body)))
        chosen = REPLIES[name]
        return chosen if isinstance(chosen, Reply) else chosen(body)

    server.answer, server.most_at_once = reply, 0
    # Requests are sent again at once.
    with patch_cache, mock.patch.object(openai._base_client, "INITIAL_RETRY_DELAY", 0.0):
        for _ in range(60):
            access = {
                **{"key": VARIABLE, "concurrency": concurrency, "retries": retries},
                **{"timeout": 60, "prices": PRICES, "budget": budget},
            }
            backend = opened(server, access)
            prompts = backend.prompts([make_record(n % 4, id=f"r{n}") for n in range(count)])
            answers, line = [], ""
            try:
                answers = backend.generate(prompts, 0)
            except InputError as error:
                (line,) = error.problems
                assert "\n" not in line and len(line) < 700 and KEY not in line
            cost = backend.cost()
            assert budget is None or float(cost["price"] or 0) <= budget
            if not line and not cost["unusable_answers"]:
                break
            assert line or Generated("", None, None, None) in answers
            if "budget" in line:
                budget *= 2
    assert answers, line
    assert server.most_at_once <= concurrency
    used = Counter(prompt for name, prompt in done if name not in NO_ANSWERS)
    assert used == Counter({prompt.text for prompt in prompts})
    withheld = {prompt for name, prompt in done if name in WITHHELD}
    assert [(answer.text, answer.finish_reason) for answer in answers] == [
        ("", "content_filter") if one.text in withheld else (f"to {one.text}", "stop")
        for one in prompts
    ]
    kept = [json.loads(line) for path in cache.rglob("*.jsonl") for line in path.open()]
    assert KEY not in str(kept) + caplog.text


def test_two_jobs_that_ask_at_once_pay_for_each_answer_once(server: LocalServer) -> None:
    server.answer = lambda body: Reply(completion(body).content, seconds=0.05)
    backends = [opened(server, {}) for _ in range(2)]
    prompts = backends[0].prompts([make_record(number) for number in range(9)])
    with ThreadPoolExecutor() as jobs:
        found = list(jobs.map(lambda backend: backend.generate(prompts, 0), backends))
    assert found[0] == found[1]
    assert len(server.received) == 9
