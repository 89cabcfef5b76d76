"""sha256 of files, each hashed once in all runs while it stays the same; JSON in one fixed form."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ecslm.common import hashing
from ecslm.common.hashing import (
    known_digests,
    load_digests,
    save_digests,
    sha256_of_file,
    sha256_of_text,
)

Again = Callable[[], None]


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process that has hashed nothing, and takes files that have just been written for old."""
    monkeypatch.setattr(hashing, "SETTLED_NS", -1)
    before = dict(known_digests)
    known_digests.clear()
    yield
    known_digests.clear()
    known_digests.update(before)


@pytest.fixture(params=[False, True])
def again(request: pytest.FixtureRequest, tmp_path: Path, alone: None) -> Again:  # noqa: ARG001
    """What happens before files are looked at again: nothing, or the start of another process."""

    def next_process() -> None:
        save_digests(tmp_path / "cache/digests.json")
        known_digests.clear()
        load_digests(tmp_path / "cache/digests.json")

    return next_process if request.param else lambda: None


def test_a_file_is_read_once_but_an_edit_of_its_size_and_time_and_one_in_its_place_are_seen(
    again: Again, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, other = tmp_path / "a", tmp_path / "b"
    path.write_text("a")
    other.write_text("c")
    times = path.stat()
    assert sha256_of_file(path) == sha256_of_text("a")
    again()
    with monkeypatch.context() as patch:
        patch.setattr(hashing.hashlib, "file_digest", None)
        assert sha256_of_file(path) == sha256_of_text("a")
    while path.stat().st_ctime_ns == times.st_ctime_ns:
        path.write_text("b")
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert sha256_of_file(path) == sha256_of_text("b")
    other.replace(path)
    assert sha256_of_file(path) == sha256_of_text("c")


@pytest.mark.usefixtures("alone")
def test_broken_memory_of_digests_is_ignored(tmp_path: Path) -> None:
    path, cache = tmp_path / "weights", tmp_path / "digests.json"
    path.write_text("a")
    cache.write_text('{"weights": 1}')
    load_digests(cache)
    assert sha256_of_file(path) == sha256_of_text("a")
    save_digests(cache)
    known_digests.clear()
    load_digests(cache)
    assert list(known_digests) == [str(path)]
