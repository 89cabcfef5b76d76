"""Whatever a server does in whatever order: no answer is lost, mixed up or paid twice, each failure
is one line, and the account has what was charged, never more than the budget."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

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
from ecslm.common.files import read_json
from ecslm.prediction.backend import Generated
from ecslm.prediction.openai_backend import ServerModel, ServerPrompt
from ecslm.prediction.openai_settings import AccessSettings, OpenAISettings

LIMIT = 10
# What a request is charged: what its answer has cost, nothing, or perhaps all that it may cost.
Charged = Literal["price", "nothing", "most"]


@dataclass(frozen=True)
class Reaction:
    """What a server does with a request."""

    reply: Callable[[Body], Reply]
    charged: Charged
    answers: bool = False


def right(body: Body) -> str:
    """The answer to a prompt."""
    return f"to {prompt_of(body)}"


def answering(reply: Callable[[Body], Reply]) -> Reaction:
    return Reaction(reply, "price", answers=True)


def refusing(status: int, charged: Charged) -> Reaction:
    return Reaction(lambda _: failure(status, f"status {status} for {KEY}"), charged)


def sending(content: object, **fields: Any) -> Reaction:
    """A reply of status 200 that is no answer; it may have been charged."""
    return Reaction(lambda _: Reply(content, **fields), "most")


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
    "a filtered prompt": Reaction(lambda _: Reply(FILTERED, 400), "most", answers=True),
    **{
        f"status {status}": refusing(status, "nothing") for status in (401, 402, 404, 429, 500, 503)
    },
    **{f"status {status}": refusing(status, "most") for status in (400, 408, 409, 502, 504)},
    "a long wait": Reaction(lambda _: failure(429, "", {"retry-after": "9999"}), "nothing"),
    "a cut": Reaction(lambda body: Reply(completion(body, right(body)).content, cut=True), "most"),
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

    def charged(self) -> float:
        """Money for all requests."""
        return sum(map(self._charged, self.done))

    def _charged(self, request: tuple[str, Reaction]) -> float:
        prompt, reaction = request
        if reaction.charged == "nothing":
            return 0.0
        counts = len(prompt.encode()) + 100, LIMIT
        if reaction.charged == "price":
            body = {"messages": [{"role": "user", "content": prompt}]}
            sent = reaction.reply(body).content
            assert isinstance(sent, dict)
            counts = tuple(sent["usage"][name] for name in COUNTS)
        return (counts[0] * PRICES["input"] + counts[1] * PRICES["output"]) / 1e6


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
            answers, problem = attempt(model, prompts)
            spent = account(cache)
            assert spent == pytest.approx(script.charged())
            assert budget is None or spent <= budget * (1 + 1e-9)
            if answers is not None:
                break
            assert problem is not None
            if "budget" in problem:
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


def attempt(
    model: ServerModel, prompts: list[ServerPrompt]
) -> tuple[list[Generated] | None, str | None]:
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
    return answers, None


def account(cache: Path) -> float:
    """What is spent; nothing may be reserved between two runs."""
    found = list(cache.rglob("spent.json"))
    if not found:
        return 0.0
    content = read_json(found[0])
    assert content["reserved"] == []
    return float(content["spent"])


def kept_key(path: Path) -> bool:
    content = path.read_text(encoding="utf-8")
    parsed = json.dumps(json.loads(content), ensure_ascii=False) if path.suffix == ".json" else ""
    return KEY in content + parsed
