"""The cache of finished results: what is put into it comes back whole, or not at all."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.project import ROOT

from ecslm.common.errors import InputError
from ecslm.common.hashing import sha256_of_file, sha256_of_text
from ecslm.common.results_cache import (
    ENTRY,
    GIGABYTE,
    Entry,
    ResultsCache,
    kept_entries,
    size_limit,
    trim,
)

KEY = sha256_of_text("everything")
CONTENTS = {"weights": b"\x00\x01\x02", "cost": b"1 s\n"}
FIELDS = {"text": "ä", "number": 0.1, "nested": {"one": [1, None]}}


@contextmanager
def somewhere() -> Iterator[Path]:
    """A directory for one generated example."""
    with TemporaryDirectory() as folder:
        yield Path(folder)


def put(
    cache: ResultsCache, folder: Path, contents: dict[str, bytes] = CONTENTS, key: str = KEY
) -> Path:
    """Make files, and put them into an entry; returns its directory."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    files = {name: folder / name for name in contents}
    digests = {name: sha256_of_file(path) for name, path in files.items()}
    cache.put(Entry(key=key, step="s", made_for="m.json", fields=FIELDS, files=digests), files)
    return cache.folder(key)


def taken(cache: ResultsCache, folder: Path, key: str = KEY) -> dict[str, bytes] | None:
    entry = cache.take(key, CONTENTS.keys(), folder)
    assert entry is None or entry.fields == FIELDS
    return entry and {name: (folder / name).read_bytes() for name in entry.files}


@given(st.data())
def test_what_was_put_is_taken_unless_anything_of_it_is_damaged(data: st.DataObject) -> None:
    with somewhere() as folder:
        cache = ResultsCache(folder / "cache")
        entry = put(cache, folder / "made")
        path = entry / data.draw(st.sampled_from([*CONTENTS, ENTRY]))
        content = bytearray(path.read_bytes())
        match data.draw(st.sampled_from(["sound", "flipped", "cut", "missing", "of another key"])):
            case "sound":
                assert taken(cache, folder / "out") == CONTENTS
                return
            case "flipped":
                place = data.draw(st.integers(0, len(content) - 1))
                content[place] ^= 1 << data.draw(st.integers(0, 7))
                path.write_bytes(content)
            case "cut":
                os.truncate(path, data.draw(st.integers(0, len(content) - 1)))
            case "missing":
                path.unlink()
            case _:
                entry = entry.rename(cache.folder(KEY[:2] + "0" * 62))
        assert taken(cache, folder / "out", entry.name) is None
        assert not entry.exists()


def test_an_entry_of_other_files_is_not_taken(tmp_path: Path) -> None:
    """Names in an entry are no paths to write to."""
    cache = ResultsCache(tmp_path / "cache")
    for others in ({"../escaped": b""}, CONTENTS | {"more": b""}):
        put(cache, tmp_path / "made" / "x", others)
        assert taken(cache, tmp_path / "out") is None
        shutil.rmtree(tmp_path / "out")


def test_taken_files_are_new_and_shared_with_no_other_result(tmp_path: Path) -> None:
    """Else a date, or a byte, of one study's results would change with another's."""
    cache, made = ResultsCache(tmp_path / "cache"), tmp_path / "made"
    entry = put(cache, made)
    for name in CONTENTS:
        os.utime(made / name, (1, 1))
    assert taken(cache, tmp_path / "out") == CONTENTS
    for name in CONTENTS:
        assert not (tmp_path / "out" / name).samefile(made / name)
        assert not (tmp_path / "out" / name).samefile(entry / name)
        assert (tmp_path / "out" / name).stat().st_mtime > 1


@pytest.mark.parametrize("copies", [True, False])
def test_without_hard_links_files_are_copied_and_without_room_there_is_one_warning(
    copies: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    cache, made = ResultsCache(tmp_path / "cache"), tmp_path / "made"
    with monkeypatch.context() as patch:
        patch.setattr(os, "link", refuse)
        if copies:
            put(cache, made)
            (made / "weights").write_bytes(b"changed in place")
            assert taken(cache, tmp_path / "out") == CONTENTS
            assert kept_entries(cache)[0].space == sum(map(len, CONTENTS.values()))
            assert caplog.messages == []
            return
        patch.setattr(shutil, "copyfile", refuse)
        for number in range(3):
            put(cache, made, key=sha256_of_text(str(number)))
    root, why = tmp_path / "cache", os.strerror(errno.ENOSPC)
    assert caplog.messages == [f"cache: {root}: finished results are not kept: {why}"]
    assert list(root.glob("*/*")) == []


PUT_AND_TAKE = """
import sys
from pathlib import Path
from ecslm.common.hashing import sha256_of_file
from ecslm.common.results_cache import Entry, ResultsCache, remove_entry

root, own, key = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
own.mkdir()
for number in range(40):
    # A new file, as jobs make: the old one is a link of an entry, which others may be reading.
    (own / "weights").unlink(missing_ok=True)
    (own / "weights").write_bytes(b"w" * 100_000)
    files = {"weights": own / "weights"}
    digests = {"weights": sha256_of_file(own / "weights")}
    cache = ResultsCache(root)
    cache.put(Entry(key=key, step="s", made_for=str(own), fields={}, files=digests), files)
    entry = cache.take(key, ["weights"], own / f"out-{number}")
    if entry is not None:
        assert (own / f"out-{number}/weights").read_bytes() == b"w" * 100_000
    if number % 5 == 0:
        remove_entry(cache.folder(key))
"""


def test_processes_may_put_take_and_remove_at_once(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                PUT_AND_TAKE,
                tmp_path / "cache",
                tmp_path / f"own-{number}",
                KEY,
            ],
            env={"PYTHONPATH": str(ROOT / "scripts")},
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        # A file may vanish while it is read; the cache is never called unusable.
        assert "not kept" not in errors
    assert list((tmp_path / "cache").glob("*/.*")) == []


# Each entry's size in bytes, and whether it is a result too.
ENTRIES = st.lists(st.tuples(st.integers(1, 9), st.booleans()), max_size=6)


@given(ENTRIES, st.integers(0, 40))
def test_trimming_removes_the_least_recently_used_that_take_space_and_no_more_than_needed(
    entries: list[tuple[int, bool]], limit: int
) -> None:
    with somewhere() as folder:
        cache, spaces = ResultsCache(folder / "cache"), {}
        for number, (size, is_result) in enumerate(entries):
            key = sha256_of_text(str(number))
            entry = put(cache, folder / str(number), {"x": b"x" * size}, key)
            os.utime(entry / ENTRY, (number, number))
            if not is_result:
                (folder / str(number) / "x").unlink()
                spaces[key] = size
        removed = [kept.folder.name for kept in trim(cache, limit)]
        left = sum(kept.space for kept in kept_entries(cache))
        assert removed == list(spaces)[: len(removed)]
        assert len(kept_entries(cache)) == len(entries) - len(removed)
        assert left <= limit
        assert not removed or left + spaces[removed[-1]] > limit


def test_taking_an_entry_makes_it_the_most_recently_used(tmp_path: Path) -> None:
    cache, keys = ResultsCache(tmp_path / "cache"), [sha256_of_text(n) for n in "ab"]
    for second, key in enumerate(keys):
        os.utime(put(cache, tmp_path / key, key=key) / ENTRY, (second, second))
    assert [kept.folder.name for kept in kept_entries(cache)] == keys
    assert taken(cache, tmp_path / "out", keys[0]) == CONTENTS
    assert [kept.folder.name for kept in kept_entries(cache)] == keys[::-1]


def test_what_a_killed_process_left_goes_after_a_day_and_not_before(tmp_path: Path) -> None:
    cache = ResultsCache(tmp_path / "cache")
    entry = put(cache, tmp_path / "made")
    half, fresh = (entry.with_name(f".{entry.name}.{name}") for name in ("0" * 8, "f" * 8))
    for folder in (half, fresh):
        shutil.copytree(entry, folder)
    os.utime(half, (1, 1))
    trim(cache, GIGABYTE)
    assert [folder.exists() for folder in (half, fresh, entry)] == [False, True, True]


def test_the_limit_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ECSLM_CACHE_GB", raising=False)
    assert size_limit() == 50 * GIGABYTE
    monkeypatch.setenv("ECSLM_CACHE_GB", "0.5")
    assert size_limit() == GIGABYTE / 2
    for text in ("much", "-1", "nan"):
        monkeypatch.setenv("ECSLM_CACHE_GB", text)
        with pytest.raises(InputError, match=r"^ECSLM_CACHE_GB: .* is not a number of gigabytes"):
            size_limit()
