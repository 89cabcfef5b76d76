"""Asking a server: requests at a time, repeated ones, and one line for each failure."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
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
from ecslm.common.files import read_json
from ecslm.prediction.openai_settings import AccessSettings, ServerDecoding, ServerSettings
from ecslm.prediction.server_answers import Answer
from ecslm.prediction.server_client import ServerClient
from ecslm.prediction.server_requests import request_for
from ecslm.prediction.spending import Spending

DECODING = ServerDecoding(max_new_tokens=10)
# At these prices a prompt of 10 letters reserves 110 tokens at 1 a million, 10 of its answer at 2.
MOST = (110 + 2 * 10) / 1e6


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


def asked(
    server: LocalServer, count: int = 1, spending: Spending | None = None, **access: Any
) -> dict[str, Answer]:
    """The answers to the prompts `prompt 000` and so on, by prompt; those before a failure."""
    settings = ServerSettings(url=server.url, model="shop-1")
    made = [
        request_for(f"prompt {number:03d}", f"r{number:03d}", settings, DECODING, seed=0)
        for number in range(count)
    ]
    requests = {request.key: request for request in made}
    found: dict[str, Answer] = {}
    client = ServerClient(settings, AccessSettings.model_validate(access))

    def keep(key: str, answer: Answer) -> None:
        found[prompt_of(requests[key].body)] = answer

    try:
        client.ask(requests, keep, spending)
    finally:
        asked.kept = found  # type: ignore[attr-defined]
    return found


def problem(server: LocalServer, count: int = 1, **access: Any) -> str:
    """The one line that a request ends with, without the server's address."""
    with pytest.raises(InputError) as caught:
        asked(server, count, **access)
    (line,) = caught.value.problems
    assert "\n" not in line
    assert line.startswith(f"{server.url}: ")
    return line.removeprefix(f"{server.url}: ")


def test_no_more_requests_are_sent_at_a_time_than_allowed(server: LocalServer) -> None:
    server.answer = lambda body: Reply(completion(body).content, seconds=0.03)
    asked(server, 12, concurrency=3)
    assert server.most_at_once == 3


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(failure(429, "slow down"), id="too many requests"),
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


def test_a_request_is_sent_again_after_as_many_seconds_as_the_server_says(
    server: LocalServer,
) -> None:
    # The client itself would wait for half a second.
    server.answer = in_turn(failure(429, "slow down", {"Retry-After": "1.2"}), completion)
    asked(server)
    first, second = (one.at for one in server.received)
    assert second - first >= 1.15


def test_a_server_that_asks_for_a_long_wait_ends_the_job_at_once(server: LocalServer) -> None:
    server.answer = in_turn(failure(429, "quota used up", {"Retry-After": "3600"}))
    start = time.monotonic()
    assert problem(server) == (
        "too many requests, or no credit (429: quota used up): lower `concurrency` in `access`, or "
        "run again later; answers so far are kept"
    )
    assert time.monotonic() - start < 1
    assert len(server.received) == 1


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("{nonsense", "not a reply of the chat API (Invalid JSON"),
        (
            {"error": {"message": "no  credit\nleft", "code": 402}},
            "not a reply of the chat API (choices: Field required): no credit left",
        ),
    ],
)
def test_a_reply_without_an_answer_is_one_line_that_names_the_record(
    server: LocalServer, content: object, expected: str
) -> None:
    server.answer = in_turn(Reply(content))
    assert problem(server).startswith(f"record r000: {expected}")


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (
            failure(401, "bad key"),
            f"refused the key of {VARIABLE} (401: bad key): set another",
        ),
        (
            failure(404, "The model `shop-1` does not exist"),
            "no model 'shop-1', or no API at this URL (404: The model `shop-1` does not exist): "
            "change `model` or `url` in `server`",
        ),
        (
            failure(400, "context length\nexceeded"),
            "record r000: refused the request (400: context length exceeded)",
        ),
        (
            failure(500, "oops"),
            "failed 2 times (500: oops): run again later; answers so far are kept",
        ),
    ],
)
def test_a_refusal_is_one_line_that_says_what_to_do(
    server: LocalServer, reply: Reply, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, KEY)
    server.answer = in_turn(reply)
    assert problem(server, key=VARIABLE, retries=1) == expected


def test_a_server_that_needs_a_key_is_told_from_one_that_refuses_it(server: LocalServer) -> None:
    server.answer = in_turn(failure(401, "who are you?"))
    assert problem(server) == (
        "needs a key (401: who are you?): name its environment variable as `key` in `access`"
    )


def test_an_unreachable_server_is_one_line() -> None:
    with local_server() as server:
        pass
    assert problem(server, retries=0) == (
        "cannot be reached (All connection attempts failed): start the server, or change `url` in "
        "`server`"
    )


def test_a_server_that_never_answers_or_cuts_each_connection_is_one_line(
    server: LocalServer,
) -> None:
    server.answer = lambda body: Reply(completion(body).content, seconds=0.3)
    assert problem(server, timeout=0.1, retries=0) == (
        "no answer within 0.1 s, 1 times: raise `timeout` or lower `concurrency` in `access`; "
        "answers so far are kept"
    )
    server.answer = lambda body: Reply(completion(body).content, cut=True)
    assert problem(server, retries=0).startswith("the connection was cut 1 times (")


def test_a_reply_that_comes_byte_by_byte_must_be_whole_in_time(server: LocalServer) -> None:
    """Though no byte takes long."""
    server.answer = lambda body: Reply(completion(body).content, pause=0.02)
    assert problem(server, timeout=0.5, retries=0).startswith("no answer within 0.5 s, 1 times")


def test_after_a_failure_no_more_requests_are_sent_and_those_sent_are_kept(
    server: LocalServer,
) -> None:
    def answer(body: Body) -> Reply:
        if prompt_of(body).endswith("001"):
            return failure(400, "no")
        return Reply(completion(body).content, seconds=0.1)

    server.answer = answer
    assert problem(server, 20, concurrency=3).startswith("record r001: refused")
    assert sorted(asked.kept) == ["prompt 000", "prompt 002"]  # type: ignore[attr-defined]
    assert len(server.received) == 3


def test_a_disk_that_is_full_ends_the_job_as_such(server: LocalServer) -> None:
    settings = ServerSettings(url=server.url, model="m")
    request = request_for("prompt", "r", settings, DECODING, 0)

    def keep(_key: str, _answer: Answer) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left on device"):
        ServerClient(settings, AccessSettings()).ask({request.key: request}, keep, None)


# Keys


def test_the_key_is_sent_and_without_one_no_other_is(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, KEY)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another-server")
    asked(server, key=VARIABLE)
    asked(server)
    sent = [one.headers["authorization"] for one in server.received]
    assert sent == [f"Bearer {KEY}", "Bearer none"]


@pytest.mark.parametrize("value", ["", " \n"])
def test_a_missing_key_is_one_line_that_names_its_variable(
    server: LocalServer, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, value)
    assert problem(server, key=VARIABLE) == (
        f"the environment variable {VARIABLE} is not set: set it to the key, or remove `key` from "
        "`access` if the server needs none"
    )
    assert not server.received


def test_a_value_that_can_be_no_key_is_refused_without_showing_it(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "sk-schlüssel")
    assert problem(server, key=VARIABLE) == (
        f"the value of {VARIABLE} is no key: it has other characters"
    )


# Money


def account(folder: Path, budget: float | None) -> tuple[Spending, dict[str, Any]]:
    """An account with nothing spent, and the access that belongs to it."""
    access = {"prices": PRICES, **({} if budget is None else {"budget": budget})}
    prices = AccessSettings.model_validate(access).prices
    assert prices is not None
    return Spending(folder / "spent.json", prices, budget), access


def spent(folder: Path) -> float:
    """What is spent; nothing may be reserved."""
    content = read_json(folder / "spent.json")
    assert content["reserved"] == []
    return float(content["spent"])


def test_no_request_is_sent_that_may_pass_the_budget(server: LocalServer, tmp_path: Path) -> None:
    # For two answers and one more request.
    budget = 2 * 4e-6 + MOST * 1.01
    spending, access = account(tmp_path, budget)
    with pytest.raises(InputError) as caught:
        asked(server, 20, spending, **access, concurrency=4)
    assert caught.value.problems == (
        "the budget of 0.00014 USD is reached: 1.2e-05 USD are spent, and the next request may "
        "cost 0.00013 USD: raise `budget` in `access`; answers so far are kept",
    )
    assert len(server.received) == 3
    assert spent(tmp_path) == pytest.approx(3 * 4e-6)
    assert spent(tmp_path) + MOST > budget


def test_a_server_that_counts_more_tokens_than_expected_is_believed(
    server: LocalServer, tmp_path: Path
) -> None:
    """It may have added a text of its own to the prompt."""
    usage = {"prompt_tokens": 3 * 110, "completion_tokens": 3 * 10}
    server.answer = lambda body: completion(body, usage=usage)
    budget = 9.5 * MOST
    spending, access = account(tmp_path, budget)
    with pytest.raises(InputError, match=r"the next request may cost 0\.00039 USD"):
        asked(server, 20, spending, **access, concurrency=1)
    assert len(server.received) == 3
    assert spent(tmp_path) == pytest.approx(9 * MOST)


def test_requests_wait_for_what_others_have_reserved(server: LocalServer, tmp_path: Path) -> None:
    """A budget that suffices for all answers, but not for all requests at a time, is no failure."""
    spending, access = account(tmp_path, 2.5 * MOST)
    assert len(asked(server, 20, spending, **access, concurrency=8)) == 20
    assert server.most_at_once <= 2
