"""Whatever a server does in whatever order: no answer is lost, mixed up or paid twice, and each
failure is one line."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openai._base_client
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.local_server import (
    KEY,
    PRICES,
    VARIABLE,
    Body,
    Reply,
    completion,
    failure,
    local_server,
    prompt_of,
)

from ecslm.common.errors import InputError
from ecslm.prediction.backend import Generated
from ecslm.prediction.openai_backend import ServerModel, ServerPrompt
from ecslm.prediction.openai_settings import AccessSettings, OpenAISettings

LIMIT = 10


@dataclass(frozen=True)
class Reaction:
    """What a server does with a request."""

    reply: Callable[[Body], Reply]
    answers: bool = False


def right(body: Body) -> str:
    """The answer to a prompt."""
    return f"to {prompt_of(body)}"


def answering(reply: Callable[[Body], Reply]) -> Reaction:
    return Reaction(reply, answers=True)


def refusing(status: int) -> Reaction:
    return Reaction(lambda _: failure(status, f"status {status} for {KEY}"))


def sending(content: object, **fields: Any) -> Reaction:
    """A reply of status 200 that is no answer."""
    return Reaction(lambda _: Reply(content, **fields))


def changed(change: Mapping[str, Any], usage: Mapping[str, Any] | None = None) -> Reaction:
    """An answer with another message or other counts of tokens, that is none."""
    choice = {"message": {"content": "yes"}, "finish_reason": "stop"} | change
    return sending({"choices": [choice], "usage": dict.fromkeys(COUNTS, 1) | (usage or {})})


def escaped(text: str, reason: str = "stop") -> Reaction:
    """An answer whose text or reason is written in another way than usual in JSON."""
    usage = json.dumps(dict.fromkeys(COUNTS, 1))
    choice = f'{{"message": {{"content": "{text}"}}, "finish_reason": "{reason}"}}'
    return sending(f'{{"choices": [{choice}], "usage": {usage}}}')


def refusal(body: Body) -> Reply:
    message = {"content": None, "refusal": right(body)}
    choice = {"message": message, "finish_reason": "stop"}
    return Reply({"choices": [choice], "usage": dict.fromkeys(COUNTS, 1)})


COUNTS = ("prompt_tokens", "completion_tokens")
FILTERED = {"error": {"message": f"filtered, {KEY}", "code": "content_filter"}}
ESCAPED = "".join(f"\\u{ord(letter):04x}" for letter in KEY)

FINE = answering(lambda body: completion(body, right(body)))
REACTIONS = {
    "an answer": FINE,
    "a refusal": answering(refusal),
    "a filtered answer": answering(lambda body: completion(body, None, "content_filter")),
    "a filtered prompt": Reaction(lambda _: Reply(FILTERED, 400), answers=True),
    **{
        f"status {status}": refusing(status)
        for status in (302, 400, 401, 402, 404, 408, 409, 429, 500, 502, 503, 504)
    },
    "a long wait": Reaction(lambda _: failure(429, "", {"retry-after": "9999"})),
    "a cut": Reaction(lambda body: Reply(completion(body, right(body)).content, cut=True)),
    "no gzip": sending("{}", headers={"Content-Encoding": "gzip"}),
    "no such letters": sending("yes", headers={"Content-Type": "text/html; charset=none"}),
    "HTML": sending(f"<html><body>{KEY}</body></html>"),
    "nothing": sending(""),
    "no content": sending("", status=204),
    "too deep": sending("[" * 100_000),
    "no object": sending([]),
    "no choices": sending({"usage": dict.fromkeys(COUNTS, 1)}),
    "empty choices": sending({"choices": [], "usage": dict.fromkeys(COUNTS, 1)}),
    "an error": sending({"error": {"message": f"no luck,\n{KEY} {'x' * 9999}", "code": 500}}),
    "no text": changed({"message": {"content": None}}),
    "a list of texts": changed({"message": {"content": [{"type": "text", "text": "yes"}]}}),
    "half a letter": escaped("\\ud83d"),
    "a tool": changed({"finish_reason": "tool_calls"}),
    "no counts": changed({}, {"prompt_tokens": None}),
    "counts below 0": changed({}, {"completion_tokens": -1}),
    "no counts at all": sending({"choices": [{"message": {"content": "yes"}}]}),
    "the key": changed({"message": {"content": f"Bearer {KEY}"}}),
    "the escaped key": escaped(ESCAPED),
    "the key as reason": escaped("yes", ESCAPED),
}


@dataclass
class Script:
    """What the server does with one request after the other, then answers; and what it did."""

    reactions: list[Reaction]
    done: list[tuple[str, Reaction]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, body: Body) -> Reply:
        with self._lock:
            reaction = self.reactions.pop(0) if self.reactions else FINE
            self.done.append((prompt_of(body), reaction))
        return reaction.reply(body)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests are sent again at once."""
    monkeypatch.setattr(openai._base_client, "INITIAL_RETRY_DELAY", 0.0)
    monkeypatch.setenv(VARIABLE, KEY)


ALL = list(REACTIONS)


@example(names=ALL, count=6, concurrency=3, retries=1, budget=None)
@example(names=ALL[::-1], count=6, concurrency=1, retries=0, budget=0.0005)
@example(names=["an answer"] * 2 + ["status 400"], count=4, concurrency=1, retries=0, budget=None)
@settings(max_examples=12)
@given(
    names=st.lists(st.just("an answer") | st.sampled_from(ALL), max_size=12),
    count=st.integers(1, 6),
    concurrency=st.integers(1, 4),
    retries=st.integers(0, 2),
    budget=st.none() | st.floats(0.0001, 0.002),
)
def test_a_job_that_is_run_until_it_ends_has_all_answers_once(
    tmp_path_factory: pytest.TempPathFactory,
    names: list[str],
    count: int,
    concurrency: int,
    retries: int,
    budget: float | None,
) -> None:
    cache = tmp_path_factory.mktemp("api")
    script = Script([REACTIONS[name] for name in names])
    prompts = [ServerPrompt(f"prompt {number % 4}", f"r{number}") for number in range(count)]
    with local_server(script) as server:
        asked = {"url": server.url, "model": "shop-1"}
        chosen = {"backend": "openai", "server": asked, "decoding": {"max_new_tokens": LIMIT}}
        for _ in range(60):
            access = {
                **{"key": VARIABLE, "concurrency": concurrency, "retries": retries},
                **{"timeout": 60, "prices": PRICES, "budget": budget},
            }
            model = ServerModel(
                OpenAISettings.model_validate(chosen),
                AccessSettings.model_validate(access),
                seed=0,
                cache=cache,
            )
            model.expect(prompts)
            answers, problem = attempt(model, prompts)
            cost = model.cost()
            assert budget is None or cost["price"] <= budget
            if answers is not None and not cost["unusable_answers"]:
                break
            if answers is not None:
                assert ("", False) in [(answer.text, answer.withheld) for answer in answers]
            elif "budget" in problem:
                assert budget is not None
                budget *= 2
    assert answers is not None, problem
    assert server.most_at_once <= concurrency
    answered = Counter(prompt for prompt, reaction in script.done if reaction.answers)
    assert answered == Counter({prompt.text for prompt in prompts})
    filtered = [reaction for reaction in REACTIONS.values() if reaction.answers][2:]
    withheld = {prompt for prompt, reaction in script.done if reaction in filtered}
    assert [(answer.text, answer.withheld) for answer in answers] == [
        ("", True) if prompt.text in withheld else (f"to {prompt.text}", False)
        for prompt in prompts
    ]
    assert not [path for path in cache.rglob("*") if path.is_file() and kept_key(path)]


def attempt(model: ServerModel, prompts: list[ServerPrompt]) -> tuple[list[Generated] | None, str]:
    """The answers, or the line that the job ends with."""
    told: list[int] = []
    try:
        answers = model.generate(prompts, 0, told.append)
    except InputError as error:
        (line,) = error.problems
        assert "\n" not in line
        assert len(line) < 700
        assert KEY not in line
        assert sum(told) < len(prompts)
        return None, line
    assert sum(told) == len(prompts)
    return answers, ""


def kept_key(path: Path) -> bool:
    content = path.read_text(encoding="utf-8")
    lines = content.splitlines() if path.suffix == ".jsonl" else []
    return KEY in content + "".join(str(json.loads(line)) for line in lines)
