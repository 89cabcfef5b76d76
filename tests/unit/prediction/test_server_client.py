"""Asking a server: requests at a time, repeated ones, and one line for each failure."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
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

from ecslm.common.errors import InputError
from ecslm.prediction.openai_settings import AccessSettings, ServerDecoding, ServerSettings
from ecslm.prediction.server_answers import Answer
from ecslm.prediction.server_client import ServerClient, request_for

DECODING = ServerDecoding(max_new_tokens=10)
SERVER = ServerSettings(url="https://models.example/v1", model="shop-1")
# At these prices a prompt of 10 letters may have 110 tokens at 1 a million, and 10 of its answer
# at 2; it has 2 and 1.
MOST, PRICE = 130e-6, 4e-6


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


def asked(
    server: LocalServer, count: int = 1, found: dict[str, Answer] | None = None, **access: Any
) -> dict[str, Answer]:
    """The answers to the prompts `prompt 000` and so on, by prompt; `found` gets them, too."""
    settings = ServerSettings(url=server.url, model="shop-1")
    requests = [
        request_for(f"prompt {number:03d}", f"r{number:03d}", settings, DECODING, seed=0)
        for number in range(count)
    ]
    prompts = {request.key: prompt_of(request.body) for request in requests}
    found = {} if found is None else found
    client = ServerClient(settings, AccessSettings.model_validate(access))
    client.ask(requests, lambda key, answer: found.update({prompts[key]: answer}))
    return found


def problem(server: LocalServer, count: int = 1, **access: Any) -> str:
    """The one line that a request ends with, without the server's address."""
    with pytest.raises(InputError) as caught:
        asked(server, count, **access)
    (line,) = caught.value.problems
    assert "\n" not in line
    assert line.startswith(f"{server.url}: ")
    return line.removeprefix(f"{server.url}: ")


def test_a_request_is_another_if_anything_is_that_the_model_is_told() -> None:
    changed: list[dict[str, Any]] = [
        {},
        {"prompt": "Prompt"},
        {"decoding": ServerDecoding(max_new_tokens=9)},
        {"decoding": ServerDecoding(sample=True)},
        {"decoding": ServerDecoding(sample=True), "seed": 1},
        {"decoding": ServerDecoding(sample=True, temperature=1.0)},
        *(
            {"server": SERVER.model_copy(update={name: value})}
            for name, value in [
                ("url", "https://other.example/v1"),
                ("model", "shop-2"),
                ("api", "completions"),
            ]
        ),
    ]
    given = {"prompt": "prompt", "server": SERVER, "decoding": ServerDecoding(), "seed": 0}
    keys = {request_for(record="r", **(given | one)).key for one in changed}
    assert len(keys) == len(changed)
    same = request_for("prompt", "another record", SERVER, ServerDecoding(), seed=5)
    assert same.key in keys


@pytest.mark.parametrize(
    ("changes", "sample", "body"),
    [
        ({}, False, {"messages": 1, "max_tokens": 100, "temperature": 0.0}),
        (
            {"api": "completions", "limit": "max_completion_tokens"},
            True,
            {"prompt": 1, "max_completion_tokens": 100, "temperature": 0.15, "top_p": 1, "seed": 7},
        ),
        ({"sampling": "own"}, True, {"messages": 1, "max_tokens": 100}),
    ],
)
def test_a_request_is_in_the_terms_of_the_server(
    changes: dict[str, Any], sample: bool, body: dict[str, Any]
) -> None:
    decoding = ServerDecoding(sample=sample, temperature=0.15, top_p=1)
    sent = request_for("prompt", "r", SERVER.model_copy(update=changes), decoding, 7).body
    texts = {"messages": [{"role": "user", "content": "prompt"}], "prompt": "prompt"}
    expected = {name: texts.get(name, value) for name, value in body.items()}
    assert sent == {"model": "shop-1"} | expected


def test_each_answer_is_kept_under_its_request(server: LocalServer) -> None:
    server.answer = lambda body: Reply(
        completion(body, f"to {prompt_of(body)}", "length").content, seconds=0.03
    )
    answers = asked(server, 12, concurrency=3)
    assert answers == {
        f"prompt {number:03d}": Answer(
            text=f"to prompt {number:03d}",
            finish_reason="length",
            prompt_tokens=2,
            tokens=3,
            model="m-1",
        )
        for number in range(12)
    }
    assert {one.path for one in server.received} == {"/v1/chat/completions"}
    assert server.most_at_once == 3


def test_answers_are_handed_on_while_others_are_waited_for(server: LocalServer) -> None:
    """A job that is killed meanwhile has lost only what was on its way."""
    release = threading.Event()

    def answer(body: Body) -> Reply:
        if prompt_of(body).endswith("000"):
            assert release.wait(10)
        return completion(body)

    class Found(dict[str, Answer]):
        def update(self, other: Any) -> None:
            super().update(other)
            if len(self) == 2:
                release.set()

    server.answer = answer
    assert list(asked(server, 3, Found(), concurrency=2)) == [
        f"prompt {number}" for number in ("001", "002", "000")
    ]


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(failure(429, "slow down"), id="too many requests"),
        pytest.param(failure(503, "busy"), id="busy"),
        pytest.param(lambda body: Reply(completion(body).content, cut=True), id="cut"),
        pytest.param(lambda body: Reply(completion(body).content, seconds=1.5), id="slow"),
    ],
)
def test_a_request_that_fails_is_sent_again(
    server: LocalServer, first: Callable[[Body], Reply] | Reply
) -> None:
    server.answer = in_turn(first, completion)
    assert asked(server, timeout=1)["prompt 000"].text == "yes"
    assert len(server.received) == 2
    assert server.received[0].body == server.received[1].body


NO_USAGE = {"choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}]}
HALF = '{"choices": [{"message": {"content": "\\ud83d"}, "finish_reason": "stop"}]}'
UNUSABLE = {
    "not a reply of the chat API (Invalid JSON": lambda _: Reply("{nonsense"),
    "not a reply of the chat API (choices: ": lambda _: Reply({"choices": []}),
    "not a reply of the chat API (usage: Field required)": lambda _: Reply(NO_USAGE),
    "not a reply of the chat API (Invalid JSON: unexpected end of hex escape": lambda _: Reply(
        HALF
    ),
    "no text, though the model has stopped": lambda body: completion(body, None),
    "ended with the unknown finish_reason 'tool_calls'": lambda body: completion(
        body, "a", "tool_calls"
    ),
    "it repeats the key, which must reach no file": lambda body: completion(body, KEY),
}


@pytest.mark.parametrize("said", UNUSABLE)
def test_a_request_whose_reply_cannot_be_used_gets_no_answer_and_others_do(
    server: LocalServer,
    said: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, KEY)
    server.answer = in_turn(completion, UNUSABLE[said], completion)
    found = asked(server, 3, key=VARIABLE, concurrency=1)
    assert list(found) == ["prompt 000", "prompt 002"]
    (line,) = caplog.messages
    assert line.startswith(f"record r001: {said}")
    assert line.endswith(": counts as invalid")
    assert KEY not in line


@pytest.mark.parametrize(("count", "sent"), [(30, 10), (3, 3)])
def test_a_server_whose_first_replies_are_all_useless_ends_the_job(
    server: LocalServer, count: int, sent: int
) -> None:
    server.answer = in_turn(Reply(NO_USAGE))
    assert problem(server, count, concurrency=1).startswith(
        f"record r{sent - 1:03d}: not a reply of the chat API (usage: Field required)"
    )
    assert len(server.received) == sent


PAGE = "<html>\n<body>Please log in</body></html>"


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (failure(401, "bad key"), f"refused the key of {VARIABLE} (401: bad key): set another"),
        (failure(403, "no access"), f"refused the key of {VARIABLE} (403: no access): set another"),
        (
            failure(404, "no shop-1"),
            "no model 'shop-1', or no API at this URL (404: no shop-1): change `model` or `url` in "
            "`server`",
        ),
        (
            failure(400, "context length\nexceeded"),
            "record r000: refused the request (400: context length exceeded)",
        ),
        (
            failure(500, "oops"),
            "failed 2 times (500: oops): run again later; answers so far are kept",
        ),
        (
            failure(429, "quota used up", {"Retry-After": "3600"}),
            "too many requests, or no credit (429: quota used up): lower `concurrency` in "
            "`access`, or run again later; answers so far are kept",
        ),
        (
            Reply("moved", 302, {"Location": "/login"}),
            "redirects to another page (302: moved): change `url` in `server`",
        ),
        (Reply(PAGE), "answers with a web page: change `url` in `server`"),
        (Reply({"error": {"message": "no  credit\nleft"}}), "failed: no credit left"),
    ],
)
def test_a_refusal_is_one_line_that_says_what_to_do(
    server: LocalServer, reply: Reply, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, KEY)
    server.answer = in_turn(reply)
    assert problem(server, key=VARIABLE, retries=1) == expected


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
def test_a_server_that_repeats_the_key_in_an_error_does_not_give_it_away(
    server: LocalServer, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, KEY)
    server.answer = in_turn(failure(status, f"Incorrect key provided: {KEY}"))
    line = problem(server, key=VARIABLE, retries=0)
    assert "Incorrect key provided: ***" in line
    assert KEY not in line


def test_a_server_that_needs_a_key_is_told_from_one_that_refuses_it(server: LocalServer) -> None:
    server.answer = in_turn(failure(401, "who are you?"))
    assert problem(server) == (
        "needs a key (401: who are you?): name its environment variable as `key` in `access`"
    )


def test_a_server_that_is_away_never_answers_or_cuts_each_connection_is_one_line(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answer = lambda body: Reply(completion(body).content, seconds=0.3)
    assert problem(server, timeout=0.1, retries=0) == (
        "no answer within 0.1 s, 1 times: raise `timeout` or lower `concurrency` in `access`; "
        "answers so far are kept"
    )
    server.answer = lambda body: Reply(completion(body).content, cut=True)
    assert problem(server, retries=0).startswith("the connection was cut 1 times (")
    with local_server() as gone:
        pass
    away = "cannot be reached (All connection attempts failed): start the server, or change `url`"
    assert problem(gone, retries=0) == f"{away} in `server`"
    monkeypatch.setenv("HTTP_PROXY", gone.url)
    assert problem(server, retries=0) == f"{away} in `server`, or the proxy in the environment"
    monkeypatch.setenv("HTTP_PROXY", "garbage://me:secret@proxy")
    assert problem(server).startswith("a proxy or SSL_CERT_FILE of the environment cannot be used")


def test_after_a_failure_no_more_requests_are_sent_and_those_sent_are_kept(
    server: LocalServer,
) -> None:
    def answer(body: Body) -> Reply:
        if prompt_of(body).endswith("001"):
            return failure(400, "no")
        return Reply(completion(body).content, seconds=0.1)

    server.answer = answer
    found: dict[str, Answer] = {}
    assert problem(server, 20, found=found, concurrency=3).startswith("record r001: refused")
    assert sorted(found) == ["prompt 000", "prompt 002"]
    assert len(server.received) == 3


def test_a_disk_that_is_full_ends_the_job_as_such(server: LocalServer) -> None:
    def keep(_key: str, _answer: Answer) -> None:
        raise OSError(28, "No space left on device")

    settings = ServerSettings(url=server.url, model="m")
    with pytest.raises(OSError, match="No space left on device"):
        ServerClient(settings, AccessSettings()).ask(
            [request_for("prompt", "r", settings, DECODING, 0)], keep
        )


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (lambda body: completion(body, None, "content_filter"), ""),
        (lambda body: completion(body, "I would", "content_filter"), "I would"),
        (lambda _: Reply({"error": {"message": "filtered", "code": "content_filter"}}, 400), ""),
    ],
)
def test_what_a_content_filter_withheld_is_an_answer_with_that_reason(
    server: LocalServer, reply: Callable[[Body], Reply], text: str
) -> None:
    server.answer = reply
    answer = asked(server)["prompt 000"]
    assert (answer.text, answer.finish_reason) == (text, "content_filter")


def test_the_key_is_sent_and_without_one_no_other_is(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, KEY)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another-server")
    asked(server, key=VARIABLE)
    asked(server)
    sent = [one.headers["authorization"] for one in server.received]
    assert sent == [f"Bearer {KEY}", "Bearer none"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (
            " \n",
            f"the environment variable {VARIABLE} is not set: set it to the key, or remove `key` "
            "from `access` if the server needs none",
        ),
        ("sk-schlüssel", f"the value of {VARIABLE} is no key: it has other characters"),
    ],
)
def test_a_key_that_cannot_be_one_is_one_line_that_names_its_variable(
    server: LocalServer, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, value)
    assert problem(server, key=VARIABLE) == said
    assert not server.received


def test_no_request_is_sent_that_may_pass_the_budget(server: LocalServer) -> None:
    """Whether answers are short or have all tokens that they may have."""
    access = {"prices": PRICES, "budget": 4.01 * MOST}
    with pytest.raises(InputError) as caught:
        asked(server, 99, **access, concurrency=1)
    assert caught.value.problems == (
        "the budget of 0.00052 USD is reached: 0.00039 USD are spent, and the next request may "
        "cost 0.00013 USD: raise `budget` in `access`; answers so far are kept",
    )
    assert len(server.received) == 98
    server.received.clear()
    usage = {"prompt_tokens": 110, "completion_tokens": 10}
    server.answer = lambda body: completion(body, usage=usage)
    with pytest.raises(InputError, match="budget"):
        asked(server, 99, **access, concurrency=3)
    assert len(server.received) == 4
