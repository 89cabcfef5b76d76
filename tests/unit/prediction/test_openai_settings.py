"""Settings of servers: what is wrong is refused, and nothing secret is accepted or shown."""

from typing import Any

import pytest

from ecslm.common.errors import InputError
from ecslm.common.validation import validated
from ecslm.prediction.openai_settings import AccessSettings, ServerDecoding, ServerSettings
from ecslm.prediction.settings import DecodingSettings

PRICES = {"input": 10, "output": 30, "currency": "USD", "as_of": "2024-04-09"}


def problems(form: type, value: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(InputError) as caught:
        validated(form, value, "here")
    return caught.value.problems


@pytest.mark.parametrize(
    "url", ["https://models.example/v1", "https://models.example/v1/", "HTTPS://Models.example/v1"]
)
def test_one_server_is_not_told_apart_by_how_its_url_is_written(url: str) -> None:
    assert ServerSettings(url=url, model="m").url == "https://models.example/v1"


@pytest.mark.parametrize(
    "url",
    [
        "https://user:sk-marked@models.example/v1",
        "https://sk-marked@models.example/v1",
        "https://models.example/v1?key=sk-marked",
        "https://models.example/v1#sk-marked",
    ],
)
def test_a_url_that_may_hold_a_secret_is_refused_without_showing_it(url: str) -> None:
    (line,) = problems(ServerSettings, {"url": url, "model": "m"})
    assert line == (
        "here: url: should have no user, password, query or fragment; `access` names the key"
    )


@pytest.mark.parametrize("url", ["models.example/v1", "ftp://models.example", "", "http://"])
def test_what_is_no_url_is_refused(url: str) -> None:
    (line,) = problems(ServerSettings, {"url": url, "model": "m"})
    assert line == "here: url: should be a URL such as https://api.openai.com/v1"


@pytest.mark.parametrize("key", ["sk-marked-123", "sk_marked", "abc123", "", "MY KEY"])
def test_a_key_in_place_of_its_variable_is_refused_without_showing_it(key: str) -> None:
    (line,) = problems(AccessSettings, {"key": key})
    assert line == (
        "here: key: should be the name of an environment variable, in capitals, not the key"
    )


def test_a_budget_needs_prices() -> None:
    (line,) = problems(AccessSettings, {"budget": 5})
    assert line.endswith("`budget` needs `prices`")
    assert validated(AccessSettings, {"budget": 5, "prices": PRICES}, "here").budget == 5


def test_a_price_is_that_of_a_million_tokens() -> None:
    prices = validated(AccessSettings, {"prices": PRICES}, "here").prices
    assert prices is not None
    assert prices.of(1_000_000, 0) == 10
    assert prices.of(0, 1000) == pytest.approx(0.03)


def test_a_server_is_told_only_what_it_can_know_of_decoding() -> None:
    decoding = DecodingSettings(max_new_tokens=7, sample=True, temperature=0.5, top_p=0.9)
    for same in (decoding, decoding.model_copy(update={"max_length": 99, "oom": "halve"})):
        assert ServerDecoding.of(same).model_dump() == {
            "max_new_tokens": 7,
            "sample": True,
            "temperature": 0.5,
            "top_p": 0.9,
        }
