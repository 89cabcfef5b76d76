"""The cache of a server's answers: what was kept is found, and what is damaged is asked again."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecslm.prediction.openai_settings import ServerSettings
from ecslm.prediction.server_answers import Answer, AnswerCache, answer_of, server_folder

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
ANSWERS = st.builds(
    Answer,
    text=TEXTS,
    finish_reason=st.sampled_from(["stop", "length", "content_filter"]),
    prompt_tokens=st.integers(0, 9999),
    tokens=st.integers(0, 99),
    model=st.none() | TEXTS,
)
SERVER = ServerSettings(url="https://models.example/v1", model="shop-1")


@given(kept=st.lists(st.tuples(st.booleans(), ANSWERS), min_size=1), data=st.data())
def test_of_a_damaged_file_all_sound_answers_are_found_and_none_is_lost(
    tmp_path_factory: pytest.TempPathFactory,
    kept: list[tuple[bool, Answer]],
    data: st.DataObject,
) -> None:
    """Two processes add answers. One letter is then another, or the end is missing."""
    folder = tmp_path_factory.mktemp("answers")
    caches = {True: AnswerCache(folder), False: AnswerCache(folder)}
    right = {f"{number:02d}": answer for number, (_, answer) in enumerate(kept)}
    for (key, answer), (which, _) in zip(right.items(), kept, strict=True):
        caches[which].add(key, answer)
    assert [cache.answers() for cache in caches.values()] == [right, right]
    (path,) = folder.iterdir()
    content = path.read_bytes()
    at = data.draw(st.integers(0, len(content) - 1))
    change = data.draw(st.sampled_from([content[at + 1 :], b""]))
    path.write_bytes(content[:at] + b"\x00" * bool(change) + change)
    damaged = content[:at].count(b"\n")
    found = dict(AnswerCache(folder).answers())
    sound = {key: one for key, one in right.items() if int(key) < damaged}
    if change:
        sound |= {key: one for key, one in right.items() if int(key) > damaged + 1}
    assert sound.items() <= found.items() <= right.items()
    again = AnswerCache(folder)
    again.add("new", kept[0][1])
    assert AnswerCache(folder).answers() == found | {"new": kept[0][1]}


def test_a_line_that_another_process_is_writing_is_read_when_it_is_whole(tmp_path: Path) -> None:
    answer = Answer(text="yes", finish_reason="stop", prompt_tokens=1, tokens=1)
    for key in ("a", "b"):
        AnswerCache(tmp_path).add(key, answer)
    path = tmp_path / "answers.jsonl"
    content = path.read_bytes()
    path.write_bytes(content[:-9])
    reader = AnswerCache(tmp_path)
    assert reader.answers() == {"a": answer}
    path.write_bytes(content)
    assert reader.answers() == {"a": answer, "b": answer}


def test_a_damaged_line_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    answer = Answer(text="yes", finish_reason="stop", prompt_tokens=1, tokens=1)
    for key in ("a", "b"):
        AnswerCache(tmp_path).add(key, answer)
    path = tmp_path / "answers.jsonl"
    path.write_text(path.read_text().replace("yes", "no", 1))
    assert AnswerCache(tmp_path).answers() == {"b": answer}
    assert caplog.messages == [f"{path}: line 1: damaged: its request is asked again"]


def test_answers_that_version_1_0_has_kept_are_found(tmp_path: Path) -> None:
    answer = Answer(text="yes", finish_reason="stop", prompt_tokens=1, tokens=1)
    AnswerCache(tmp_path / "new").add("ab12", answer)
    for name, end in (("ab12", ""), ("ab13", "damaged")):
        path = tmp_path / "old" / "ab" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((tmp_path / "new" / "answers.jsonl").read_text() + end)
    assert AnswerCache(tmp_path / "old").answers() == {"ab12": answer}


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
    assert (answer.text, answer.finish_reason) == ("", "length")
