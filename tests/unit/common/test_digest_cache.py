"""Digests that runs keep for the next: used only for files that are what they were."""

import os
from collections.abc import Iterator
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


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process that has hashed nothing, and takes files that have just been written for old."""
    monkeypatch.setattr(hashing, "SETTLED_NS", -1)
    before = dict(known_digests)
    known_digests.clear()
    yield
    known_digests.clear()
    known_digests.update(before)


def next_process(cache: Path) -> None:
    save_digests(cache)
    known_digests.clear()
    load_digests(cache)


def test_a_file_is_hashed_once_in_all_runs(tmp_path: Path, hashed: list[str]) -> None:
    path, cache = tmp_path / "weights", tmp_path / "cache/digests.json"
    path.write_text("a")
    assert sha256_of_file(path) == sha256_of_text("a")
    next_process(cache)
    assert sha256_of_file(path) == sha256_of_text("a")
    assert hashed == ["weights"]


def test_an_edit_that_keeps_size_and_date_is_hashed_again(tmp_path: Path) -> None:
    path, cache = tmp_path / "weights", tmp_path / "cache/digests.json"
    path.write_text("a")
    sha256_of_file(path)
    next_process(cache)
    before = path.stat()
    while path.stat().st_ctime_ns == before.st_ctime_ns:
        path.write_text("b")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert sha256_of_file(path) == sha256_of_text("b")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"weights": 1}', "\x00"])
def test_a_broken_cache_is_ignored(tmp_path: Path, content: str) -> None:
    path, cache = tmp_path / "weights", tmp_path / "digests.json"
    path.write_text("a")
    cache.write_text(content)
    load_digests(cache)
    assert sha256_of_file(path) == sha256_of_text("a")
    next_process(cache)
    assert list(known_digests) == [str(path)]
