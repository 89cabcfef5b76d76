"""sha256 of files, each hashed once while it stays the same; JSON in one fixed form."""

import os
import time
from pathlib import Path

import pytest

from ecslm.common import hashing
from ecslm.common.errors import InputError
from ecslm.common.hashing import canonical_json, sha256_of_file, sha256_of_text, unchanged


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take files that have just been written for old ones."""
    monkeypatch.setattr(hashing, "SETTLED_NS", -1)


@pytest.mark.usefixtures("settled")
def test_a_file_that_stays_the_same_is_read_once(tmp_path: Path, hashed: list[str]) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("a")
    first = sha256_of_file(tmp_path / "a")
    assert sha256_of_file(tmp_path / "a") == sha256_of_file(tmp_path / "b") == first
    assert hashed == ["a", "b"]


@pytest.mark.usefixtures("settled")
def test_an_edit_that_keeps_size_and_time_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("a")
    times = path.stat()
    assert sha256_of_file(path) == sha256_of_text("a")
    while path.stat().st_ctime_ns == times.st_ctime_ns:
        path.write_text("b")
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert sha256_of_file(path) == sha256_of_text("b")


@pytest.mark.usefixtures("settled")
def test_another_file_moved_into_place_is_seen(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_text(name)
    assert sha256_of_file(tmp_path / "a") == sha256_of_text("a")
    (tmp_path / "b").replace(tmp_path / "a")
    assert sha256_of_file(tmp_path / "a") == sha256_of_text("b")


def test_canonical_json_is_blind_to_key_order_and_not_to_values() -> None:
    assert canonical_json({"b": [1, 2], "a": "é"}) == '{"a":"é","b":[1,2]}'
    assert canonical_json({"a": 1, "b": 2}) == canonical_json({"b": 2, "a": 1})
    assert canonical_json({"a": 1, "b": 2}) != canonical_json({"a": 2, "b": 1})


@pytest.mark.parametrize("back", [False, True])
def test_a_file_that_changes_while_it_is_read_is_refused_even_if_it_is_put_back(
    back: bool, tmp_path: Path
) -> None:
    path, other = tmp_path / "file", tmp_path / "other"
    for one in (path, other):
        one.write_text("then")
    with unchanged([path, other]):
        path.read_text()
    with pytest.raises(InputError) as caught, unchanged([path, other]):
        time.sleep(0.02)
        path.write_text("now!")
        if back:
            path.write_text("then")
    assert caught.value.problems == (f"{path}: changed while it was being read: run again",)
