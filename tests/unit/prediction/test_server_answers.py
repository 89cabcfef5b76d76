"""The cache of a server's answers: what was kept is found, and what is damaged is asked again."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecslm.prediction.openai_settings import ServerDecoding, ServerSettings
from ecslm.prediction.server_answers import (
    Answer,
    AnswerCache,
    UnusableAnswerError,
    answer_of,
    server_folder,
)
from ecslm.prediction.server_requests import request_for

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
KEY = "ab" * 32
ANSWERS = st.builds(
    Answer,
    text=TEXTS,
    finish_reason=st.sampled_from(["stop", "length", "content_filter"]),
    prompt_tokens=st.integers(0, 9999),
    tokens=st.integers(0, 99),
    model=st.none() | TEXTS,
)
SERVER = ServerSettings(url="https://models.example/v1", model="shop-1")


@given(ANSWERS)
def test_what_was_kept_is_found_again(
    tmp_path_factory: pytest.TempPathFactory, answer: Answer
) -> None:
    folder = tmp_path_factory.mktemp("answers")
    assert AnswerCache(folder).get(KEY) is None
    AnswerCache(folder).add(KEY, answer)
    assert AnswerCache(folder).get(KEY) == answer
    assert AnswerCache(folder).get("ac" * 32) is None


@given(ANSWERS, st.data())
def test_an_answer_that_was_damaged_is_moved_aside_whole(
    tmp_path_factory: pytest.TempPathFactory, answer: Answer, data: st.DataObject
) -> None:
    """It may have been paid for, and a person may fix it."""
    cache = AnswerCache(tmp_path_factory.mktemp("answers"))
    cache.add(KEY, answer)
    (path,) = cache._folder.rglob("*.json")
    content = path.read_bytes()
    end = data.draw(st.integers(0, len(content) - 3))
    path.write_bytes(content[:end])
    assert cache.get(KEY) is None
    assert cache.is_empty()
    (aside,) = path.parent.iterdir()
    assert aside.read_bytes() == content[:end]
    aside.write_bytes(content)
    aside.rename(path)
    assert cache.get(KEY) == answer


def test_of_an_answer_that_is_damaged_again_each_version_is_kept_and_named_in_a_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache = AnswerCache(tmp_path)
    for number in range(3):
        cache.add(KEY, Answer(text="yes", finish_reason="stop", prompt_tokens=1, tokens=1))
        (path,) = tmp_path.rglob("*.json")
        path.write_text(f"damaged {number}")
        assert cache.get(KEY) is None
    asides = {one.read_text(): str(one) for one in path.parent.iterdir()}
    assert sorted(asides) == ["damaged 0", "damaged 1", "damaged 2"]
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}: damaged: moved to {asides[text]}, its request is asked again"
        for text in sorted(asides)
    ]


def test_an_answer_under_the_name_of_another_request_is_not_used(tmp_path: Path) -> None:
    cache = AnswerCache(tmp_path)
    cache.add(KEY, Answer(text="yes", finish_reason="stop", prompt_tokens=1, tokens=1))
    (path,) = tmp_path.rglob("*.json")
    path.rename(path.with_name(f"{'ab' * 31}ac.json"))
    assert cache.get("ab" * 31 + "ac") is None


def test_an_altered_answer_is_not_used(tmp_path: Path) -> None:
    cache = AnswerCache(tmp_path)
    cache.add(KEY, Answer(text="yes", finish_reason="stop", prompt_tokens=1, tokens=1))
    (path,) = tmp_path.rglob("*.json")
    path.write_text(path.read_text().replace("yes", "no"))
    assert cache.get(KEY) is None


def test_a_request_is_another_if_anything_is_that_the_model_is_told() -> None:
    decoding = ServerDecoding()
    sampled = ServerDecoding(sample=True)
    changed = {
        "url": SERVER.model_copy(update={"url": "https://other.example/v1"}),
        "model": SERVER.model_copy(update={"model": "shop-2"}),
        "api": SERVER.model_copy(update={"api": "completions"}),
    }
    requests = [
        request_for("prompt", "r", SERVER, decoding, 0),
        request_for("Prompt", "r", SERVER, decoding, 0),
        request_for("prompt", "r", SERVER, ServerDecoding(max_new_tokens=9), 0),
        request_for("prompt", "r", SERVER, sampled, 0),
        request_for("prompt", "r", SERVER, sampled, 1),
        request_for("prompt", "r", SERVER, ServerDecoding(sample=True, temperature=1.0), 0),
        *(request_for("prompt", "r", server, decoding, 0) for server in changed.values()),
    ]
    assert len({request.key for request in requests}) == len(requests)


def test_a_request_is_the_same_for_other_records_and_seeds_that_do_not_matter() -> None:
    first = request_for("prompt", "r1", SERVER, ServerDecoding(), 0)
    assert request_for("prompt", "r2", SERVER, ServerDecoding(), 5).key == first.key
    assert first.body == {
        "model": "shop-1",
        "messages": [{"role": "user", "content": "prompt"}],
        "max_tokens": 100,
        "temperature": 0.0,
    }


def test_sampling_and_completions_are_told_in_the_terms_of_the_api() -> None:
    server = SERVER.model_copy(update={"api": "completions", "limit": "max_completion_tokens"})
    request = request_for("prompt", "r", server, ServerDecoding(sample=True, top_p=0.5), 7)
    assert request.body == {
        "model": "shop-1",
        "prompt": "prompt",
        "max_completion_tokens": 100,
        "temperature": 0.15,
        "top_p": 0.5,
        "seed": 7,
    }


def test_a_model_that_samples_in_its_own_way_is_told_nothing_of_it() -> None:
    server = SERVER.model_copy(update={"sampling": "own"})
    for decoding in (ServerDecoding(), ServerDecoding(sample=True)):
        body = request_for("prompt", "r", server, decoding, 7).body
        assert body.keys() == {"model", "messages", "max_tokens"}


def test_models_of_a_server_have_directories_of_their_own() -> None:
    other = SERVER.model_copy(update={"model": "shop-2"})
    both = SERVER.model_copy(update={"api": "completions"})
    assert server_folder(Path(), SERVER) != server_folder(Path(), other)
    assert server_folder(Path(), SERVER) == server_folder(Path(), both)


@pytest.mark.parametrize(
    ("named", "meant"),
    [("stop", "stop"), ("eos_token", "stop"), ("stop_sequence", "stop"), ("length", "length")],
)
def test_reasons_are_understood_as_servers_name_them(named: str, meant: str) -> None:
    reply = (
        '{"choices": [{"text": "no", "finish_reason": "%s"}],'
        ' "usage": {"prompt_tokens": 1, "completion_tokens": 2}}'
    )
    assert answer_of(reply % named, "completions").finish_reason == meant


def test_an_answer_without_text_that_was_cut_off_is_empty_and_cut_off() -> None:
    """As of a model whose hidden thoughts took all tokens."""
    reply = (
        '{"choices": [{"message": {"content": null}, "finish_reason": "length"}],'
        ' "usage": {"prompt_tokens": 1, "completion_tokens": 100}}'
    )
    answer = answer_of(reply, "chat")
    assert (answer.text, answer.finish_reason, answer.tokens) == ("", "length", 100)


@given(st.text())
def test_whatever_a_server_sends_is_an_answer_or_refused(reply: str) -> None:
    with pytest.raises(UnusableAnswerError):
        answer_of(reply, "chat")
