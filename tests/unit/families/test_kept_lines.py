"""Lines of finished batches and of paid answers: what is damaged is passed over, nothing else."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecslm.families.backend import Generated
from ecslm.families.kept_lines import add_line
from ecslm.families.openai.backend import Answer, AnswerCache
from ecslm.families.openai.settings import ServerSettings
from ecslm.families.predict import FinishedBatch, finished_batches

BATCHES = [[2, 0], [1], [3, 4, 5]]
FOUND = {
    number: FinishedBatch(
        batch=number,
        seconds=0.5 + number,
        answers=[Generated(f"«{number}»\u2028{one}\n", 10 + one, one, "stop") for one in members],
    )
    for number, members in enumerate(BATCHES)
}


def written(path: Path) -> bytes:
    path.unlink(missing_ok=True)
    for line in FOUND.values():
        add_line(path, line)
    return path.read_bytes()


@given(
    place=st.integers(0),
    damage=st.tuples(st.integers(1, 255), st.just(b""))
    | st.tuples(st.just(0), st.just(b"\0") | st.binary(max_size=40)),
)
def test_damage_costs_the_batches_that_it_hits_which_are_made_and_found_again(
    tmp_path_factory: pytest.TempPathFactory, place: int, damage: tuple[int, bytes]
) -> None:
    """A byte has changed, or the file is cut, perhaps with something else after it."""
    path = tmp_path_factory.getbasetemp() / "batches.jsonl"
    content = written(path)
    change, garbage = damage
    place %= len(content)
    rest = bytes([content[place] ^ change]) + content[place + 1 :] if change else garbage
    path.write_bytes(content[:place] + rest)
    left = finished_batches(path, BATCHES)
    assert left.items() <= {number: line.sealed() for number, line in FOUND.items()}.items()
    hit = content[:place].count(b"\n")
    # Where a line end has changed, two lines are one.
    after = {*range(hit + 1 + (content[place] == ord("\n")), 3)} if change else set()
    assert left.keys() >= {*range(hit), *after}
    for number in FOUND.keys() - left:
        add_line(path, FOUND[number])
    assert finished_batches(path, BATCHES).keys() == FOUND.keys()


def test_a_line_that_cannot_be_of_this_job_is_none_of_its_batches(tmp_path: Path) -> None:
    written(tmp_path / "b")
    assert finished_batches(tmp_path / "b", [[0], [1], [2, 3, 4]]).keys() == {1, 2}
    assert finished_batches(tmp_path / "b", BATCHES[:1]).keys() == {0}


def test_each_line_is_on_the_disk_before_the_next_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda stream: sizes.append(os.fstat(stream).st_size))
    content = written(tmp_path / "b")
    assert sizes == [index + 1 for index, byte in enumerate(content) if byte == ord("\n")]


@pytest.mark.usefixtures("empty_folder")
def test_a_line_that_another_process_writes_is_read_when_it_is_whole_and_damage_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = ServerSettings(url="https://models.example/v1", model="shop-1")
    answer = Answer(text="yes", finish_reason="stop", prompt_tokens=1, tokens=1)
    cache = AnswerCache(server)
    for key in ("a", "b", "c"):
        cache.add(key, answer)
    content = cache.path.read_bytes().replace(b"yes", b"no ", 1)
    cache.path.write_bytes(content[:-9])
    assert cache.answers() == {"b": answer}
    assert caplog.messages == [f"{cache.path}: line 1 is damaged"]
    cache.path.write_bytes(content)
    assert cache.answers() == {"b": answer, "c": answer}
    # Version 1.0 had a file for each; a damaged one is none.
    (cache.path.parent / "ab").mkdir()
    for name, line in zip("abc", content.splitlines(), strict=True):
        (cache.path.parent / f"ab/{name}.json").write_bytes(line)
    cache.path.unlink()
    assert AnswerCache(server).answers() == {"b": answer, "c": answer}
