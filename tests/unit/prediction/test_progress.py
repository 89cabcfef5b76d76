"""The list of finished batches: what is damaged in it is computed again."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecslm.common.files import json_line
from ecslm.common.hashing import canonical_json, sha256_of_text
from ecslm.prediction.backend import Generated
from ecslm.prediction.progress import FinishedBatches

SIZES = [2, 1, 3]


def answers_of(batch: int) -> list[Generated]:
    return [
        Generated(f"«{batch}»\u2028{number}\n", 10 + number, number, stopped=number == 1)
        for number in range(SIZES[batch])
    ]


def written(folder: Path, batches: Sequence[int] = (0, 1, 2)) -> Path:
    path = folder / "batches.jsonl"
    path.unlink(missing_ok=True)
    finished = FinishedBatches(path, SIZES)
    for batch in batches:
        finished.add(batch, answers_of(batch), 0.1 + batch)
    return path


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return written(tmp_path_factory.mktemp("batches")).read_bytes()


def sound_after(path: Path, content: bytes) -> set[int]:
    """The batches that are left of a damaged file, whose answers must be as they were.

    What is computed again is added to it, and then nothing in it is damaged.
    """
    path.write_bytes(content)
    finished = FinishedBatches(path, SIZES)
    left = {batch for batch in range(-1, 9) if batch in finished}
    assert left <= {0, 1, 2}
    for batch in range(3):
        if batch not in finished:
            finished.add(batch, answers_of(batch), 0.5)
        assert finished.answers(batch) == answers_of(batch)
    again = FinishedBatches(path, SIZES)
    assert [again.answers(batch) for batch in range(3)] == [answers_of(n) for n in range(3)]
    return left


def test_all_is_found_again(tmp_path: Path, content: bytes) -> None:
    assert sound_after(tmp_path / "b", content) == {0, 1, 2}
    assert (tmp_path / "b").read_bytes() == content
    assert FinishedBatches(tmp_path / "b", SIZES).seconds() == pytest.approx(0.1 + 1.1 + 2.1)


@given(position=st.integers(0), change=st.integers(1, 255))
def test_a_changed_byte_costs_its_batch_alone(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, position: int, change: int
) -> None:
    """Two where lines are joined; none where JSON has the same value."""
    position %= len(content)
    damaged = bytearray(content)
    damaged[position] ^= change
    left = sound_after(tmp_path_factory.getbasetemp() / "byte.jsonl", bytes(damaged))
    line = content[:position].count(b"\n")
    assert left >= {0, 1, 2} - {line, line + 1}
    assert len(left) >= (1 if content[position] == ord("\n") else 2)


@given(position=st.integers(0), zeros=st.integers(0, 3000))
def test_a_cut_file_keeps_the_batches_before_the_cut(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, position: int, zeros: int
) -> None:
    """A power failure may leave zeros after it."""
    position %= len(content)
    path = tmp_path_factory.getbasetemp() / "cut.jsonl"
    left = sound_after(path, content[:position] + b"\0" * zeros)
    assert left >= set(range(content[:position].count(b"\n")))


@given(garbage=st.binary(max_size=40), position=st.integers(0, 3))
def test_garbage_between_lines_costs_nothing(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, garbage: bytes, position: int
) -> None:
    lines = content.split(b"\n")
    lines.insert(position, garbage)
    path = tmp_path_factory.getbasetemp() / "garbage.jsonl"
    assert sound_after(path, b"\n".join(lines)) == {0, 1, 2}


@pytest.mark.parametrize(("field", "value"), [("batch", 3), ("answers", [])])
def test_a_line_that_cannot_be_of_this_job_is_dropped(
    tmp_path: Path, content: bytes, field: str, value: object
) -> None:
    """Even if its digest is right."""
    entry = json.loads(content.split(b"\n")[0]) | {field: value}
    del entry["sha256"]
    entry["sha256"] = sha256_of_text(canonical_json(entry))
    lines = [json_line(entry).encode(), *content.splitlines(keepends=True)[1:]]
    assert sound_after(tmp_path / "b", b"".join(lines)) == {1, 2}


def test_each_batch_is_on_the_disk_before_the_next_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda stream: sizes.append(os.fstat(stream).st_size))
    path = written(tmp_path)
    ends = [index + 1 for index, byte in enumerate(path.read_bytes()) if byte == ord("\n")]
    assert sizes == ends
