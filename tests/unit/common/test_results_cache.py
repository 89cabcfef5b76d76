"""The cache of finished results: what is put into it comes back whole, or not at all."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.project import SCRIPTS

from ecslm.common import results_cache
from ecslm.common.errors import InputError
from ecslm.common.hashing import sha256_of_file, sha256_of_text
from ecslm.common.results_cache import (
    ENTRY,
    GIGABYTE,
    Entry,
    ResultsCache,
    kept_entries,
    remove_entry,
    size_limit,
    trim,
)

KEY = sha256_of_text("everything")
CONTENTS = {"weights": b"\x00\x01\x02", "cost": b"1 s\n"}
FIELDS = {"text": "ä", "number": 0.1, "nested": {"one": [1, None]}}


@pytest.fixture(scope="module", autouse=True)
def links() -> Iterator[None]:
    """Small files are linked, too."""
    with mock.patch.object(results_cache, "LARGE", 0):
        yield


def put(
    cache: ResultsCache, folder: Path, contents: dict[str, bytes] = CONTENTS, key: str = KEY
) -> Path:
    """Make files, and put them into an entry; returns its directory."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    files = {name: folder / name for name in contents}
    digests = {name: sha256_of_file(path) for name, path in files.items()}
    made_for = f"results/demo/{folder.name}.json"
    cache.put(Entry(key=key, step="s", made_for=made_for, fields=FIELDS, files=digests), files)
    return cache.folder(key)


def taken(cache: ResultsCache, folder: Path, key: str = KEY) -> dict[str, bytes] | None:
    entry = cache.take(key, CONTENTS.keys(), folder)
    assert entry is None or entry.fields == FIELDS
    return entry and {name: (folder / name).read_bytes() for name in entry.files}


@given(st.data())
def test_what_was_put_is_taken_unless_anything_of_it_is_damaged(data: st.DataObject) -> None:
    with TemporaryDirectory() as place:
        folder = Path(place)
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
        assert not cache.has(entry.name)


def test_an_entry_of_other_files_is_not_taken(tmp_path: Path) -> None:
    """Names in an entry are no paths to write to."""
    cache = ResultsCache(tmp_path / "cache")
    put(cache, tmp_path / "made" / "x", {"../escaped": b""})
    assert taken(cache, tmp_path / "out") is None


def test_taken_files_are_new_and_shared_with_no_other_result_and_used_most_recently(
    tmp_path: Path,
) -> None:
    """Else a date, or a byte, of one study's results would change with another's."""
    cache, other = ResultsCache(tmp_path / "cache"), sha256_of_text("other")
    for key in (KEY, other):
        for file in put(cache, tmp_path / key, key=key).iterdir():
            os.utime(file, (len(key), 1 if key == KEY else 2))
    assert [kept.folder.name for kept in kept_entries(cache)] == [KEY, other]
    assert taken(cache, tmp_path / "out") == CONTENTS
    for name in CONTENTS:
        assert (tmp_path / "out" / name).stat().st_nlink == 1
        assert (tmp_path / "out" / name).stat().st_mtime > 2
    assert [kept.folder.name for kept in kept_entries(cache)] == [other, KEY]


def test_an_edit_of_a_small_result_in_place_leaves_its_entry(tmp_path: Path) -> None:
    cache, made = ResultsCache(tmp_path / "cache"), tmp_path / "made"
    with mock.patch.object(results_cache, "LARGE", len(CONTENTS["cost"])):
        put(cache, made)
    (made / "weights").write_bytes(b"edited")
    assert taken(cache, tmp_path / "out") == CONTENTS
    assert (made / "cost").stat().st_nlink == 2
    assert [kept.space for kept in kept_entries(cache)] == [0], "of which the link is a result"


@pytest.mark.parametrize("copies", [True, False])
def test_without_hard_links_files_are_copied_and_without_room_there_is_a_warning(
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
        put(cache, made)
    assert caplog.messages[0].startswith(f"cache: {cache.root}: finished results are not kept: ")
    assert list(cache.root.glob("*/*")) == []


def put_and_take(root: Path, own: Path) -> None:
    cache = ResultsCache(root)
    for number in range(40):
        # A new file, as jobs make: the old one is a link of an entry, which others may be reading.
        shutil.rmtree(own, ignore_errors=True)
        put(cache, own, {"weights": b"w" * 100_000})
        if cache.take(KEY, ["weights"], folder := own.with_name(f"{own.name}-{number}")):
            assert (folder / "weights").read_bytes() == b"w" * 100_000
        if number % 5 == 0:
            remove_entry(cache.folder(KEY))


def test_processes_may_put_take_and_remove_at_once(tmp_path: Path) -> None:
    """A file may vanish while it is read."""
    with ProcessPoolExecutor(4, get_context("fork")) as pool:
        roots = [tmp_path / "cache"] * 4
        list(pool.map(put_and_take, roots, map(tmp_path.joinpath, "abcd")))


# Each entry's size in bytes, and whether it is a result too.
ENTRIES = st.lists(st.tuples(st.integers(1, 9), st.booleans()), max_size=6)


@settings(max_examples=20)
@given(ENTRIES, st.integers(0, 40))
def test_trimming_removes_the_least_recently_used_that_take_space_and_no_more_than_needed(
    entries: list[tuple[int, bool]], limit: int
) -> None:
    with TemporaryDirectory() as place:
        folder = Path(place)
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


def test_the_limit_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ECSLM_CACHE_GB", raising=False)
    assert size_limit() == 50 * GIGABYTE
    monkeypatch.setenv("ECSLM_CACHE_GB", "0.5")
    assert size_limit() == GIGABYTE / 2
    for text in ("much", "-1", "nan"):
        monkeypatch.setenv("ECSLM_CACHE_GB", text)
        with pytest.raises(InputError, match=r"^ECSLM_CACHE_GB: .* is not a number of gigabytes"):
            size_limit()


# `make cache`


@pytest.fixture
def cache(tmp_path: Path) -> ResultsCache:
    """Two results of 20 and 10 MB, used at noon of two days; the second is still in place."""
    cache = ResultsCache(tmp_path / "shared")
    for name, megabytes, day in (("old", 20, 1), ("new", 10, 2)):
        folder = put(cache, tmp_path / name, {"x": bytes(megabytes * 10**6)}, sha256_of_text(name))
        os.utime(folder / ENTRY, (86_400 * day,) * 2)
    shutil.rmtree(tmp_path / "old")
    return cache


def listed(cache: ResultsCache, *arguments: str) -> list[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPTS / "cache.py"), *arguments],
        cwd=cache.root.parent,
        env={"ECSLM_CACHE": str(cache.root), "TZ": "UTC"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()


def test_the_list_shows_what_each_entry_is_for_and_trims_to_a_size(cache: ResultsCache) -> None:
    assert listed(cache) == [
        "Last used             Takes  Step           Made for",
        "1970-01-02 00:00   0.020 GB  s              results/demo/old.json",
        "1970-01-03 00:00   0.000 GB  s              results/demo/new.json",
        f"{cache.root}: 2 entries, which take 0.020 GB beside the results; limit 50 GB "
        "(ECSLM_CACHE_GB)",
    ]
    assert listed(cache, "--trim", "0.02")[0] == "0 entries removed, 0.000 GB"
    assert listed(cache, "--trim", "0.01")[0] == "1 entries removed, 0.020 GB"
    assert [cache.has(sha256_of_text(name)) for name in ("old", "new")] == [False, True]


def test_what_a_kill_has_left_is_listed_and_removed_after_a_day(cache: ResultsCache) -> None:
    made = [put(cache, cache.root.parent / name, key=sha256_of_text(name)) for name in "abc"]
    killed, being_written, of_another_version = made
    (of_another_version / ENTRY).write_text("{}")
    for folder in (killed, being_written):
        (folder / ENTRY).unlink()
    for folder in (killed, of_another_version):
        os.utime(folder, (0, 0))
    assert listed(cache)[1] == f"1970-01-01 00:00   0.000 GB  unfinished     {killed}"
    assert listed(cache, "--trim", "50")[0] == "1 entries removed, 0.000 GB"
    assert [folder.exists() for folder in made] == [False, True, True]


def test_what_only_looks_like_an_entry_stays_in_a_folder_of_others(tmp_path: Path) -> None:
    for name in ("ab/cd", "ab/.git", f"cd/{sha256_of_text('x')}"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "work").write_text("of a week")
        os.utime(tmp_path / name, (0, 0))
    before = sorted(tmp_path.rglob("*"))
    assert trim(ResultsCache(tmp_path), 0) == []
    assert sorted(tmp_path.rglob("*")) == before
