"""The cache of finished results: what is put into it comes back whole, or not at all."""

import errno
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
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


@contextmanager
def somewhere() -> Iterator[Path]:
    """A directory for one generated example."""
    with TemporaryDirectory() as folder:
        yield Path(folder)


def write_files(folder: Path, contents: dict[str, bytes]) -> dict[str, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return {name: folder / name for name in contents}


def put(
    cache: ResultsCache,
    files: dict[str, Path],
    key: str = KEY,
    fields: dict[str, object] | None = None,
) -> Path:
    """Put an entry; returns its directory."""
    digests = {name: sha256_of_file(path) for name, path in files.items()}
    entry = Entry(key=key, step="s", made_for="m.json", fields=fields or {}, files=digests)
    cache.put(entry, files)
    return cache.folder(key)


def taken(cache: ResultsCache, folder: Path, key: str = KEY) -> dict[str, bytes] | None:
    entry = cache.take(key, CONTENTS.keys(), folder)
    return entry and {name: (folder / name).read_bytes() for name in entry.files}


@given(st.dictionaries(st.sampled_from("abcd"), st.binary(max_size=9)), st.text(), st.floats(-9, 9))
def test_what_was_put_is_taken(contents: dict[str, bytes], text: str, number: float) -> None:
    fields = {"text": text, "number": number, "nested": {"one": [1, None]}}
    with somewhere() as folder:
        cache = ResultsCache(folder / "cache")
        put(cache, write_files(folder / "made", contents), fields=fields)
        entry = ResultsCache(folder / "cache").take(KEY, contents.keys(), folder / "out")
        assert entry is not None
        assert entry.fields == fields
        assert {path.name: path.read_bytes() for path in (folder / "out").iterdir()} == contents


@given(st.data())
def test_a_damaged_entry_is_never_taken(data: st.DataObject) -> None:
    with somewhere() as folder:
        cache = ResultsCache(folder / "cache")
        entry = put(cache, write_files(folder / "made", CONTENTS), fields={"best_step": 3})
        path = entry / data.draw(st.sampled_from([*CONTENTS, ENTRY]))
        content = bytearray(path.read_bytes())
        match data.draw(st.sampled_from(["flipped", "cut", "missing", "of another key"])):
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
    put(cache, {"../escaped": tmp_path / "x"} | write_files(tmp_path, {"x": b""}))
    put(cache, write_files(tmp_path / "made", CONTENTS | {"more": b""}))
    assert taken(cache, tmp_path / "out") is None


def test_taken_files_are_new_and_shared_with_no_other_result(tmp_path: Path) -> None:
    """Else a date, or a byte, of one study's results would change with another's."""
    cache, files = ResultsCache(tmp_path / "cache"), write_files(tmp_path / "made", CONTENTS)
    entry = put(cache, files)
    for path in files.values():
        os.utime(path, (1, 1))
    assert taken(cache, tmp_path / "out") == CONTENTS
    for name, path in files.items():
        assert not (tmp_path / "out" / name).samefile(path)
        assert (tmp_path / "out" / name).samefile(entry / name)
        assert (tmp_path / "out" / name).stat().st_mtime > 1
        assert path.stat().st_mtime == 1


def refuse(number: int) -> Callable[..., None]:
    """A call of the system that fails."""

    def call(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return call


def test_without_hard_links_files_are_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(os, "link", refuse(errno.EXDEV))
    cache, files = ResultsCache(tmp_path / "cache"), write_files(tmp_path / "made", CONTENTS)
    put(cache, files)
    for path in files.values():
        path.write_bytes(b"changed in place")
    assert taken(cache, tmp_path / "out") == CONTENTS
    (kept,) = kept_entries(cache)
    assert kept.space == sum(map(len, CONTENTS.values()))
    assert caplog.records == []


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EACCES])
def test_a_cache_that_cannot_be_written_is_one_warning_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: int
) -> None:
    cache, files = ResultsCache(tmp_path / "cache"), write_files(tmp_path / "made", CONTENTS)

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", refuse(error))
        patch.setattr(shutil, "copyfile", refuse(error))
        for number in range(3):
            put(cache, files, sha256_of_text(str(number)))
    (record,) = caplog.records
    assert record.getMessage() == (
        f"cache: {tmp_path / 'cache'}: finished results are not kept: {os.strerror(error)}"
    )
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []
    assert list((tmp_path / "cache").glob("*/.*")) == []


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
    command = [sys.executable, "-c", PUT_AND_TAKE, str(tmp_path / "cache")]
    processes = [
        subprocess.Popen(
            [*command, str(tmp_path / f"own-{number}"), KEY],
            env={"PYTHONPATH": str(ROOT / "scripts")},
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        # A file may vanish while it is read; nothing is ever called unusable.
        assert "not kept" not in errors
    assert list((tmp_path / "cache").glob("*/.*")) == []


# Each entry's size in bytes, whether it is a result too, and what is used next after all are put.
ENTRIES = st.lists(st.tuples(st.integers(1, 9), st.booleans()), max_size=6)


@given(ENTRIES, st.lists(st.integers(0, 5), max_size=6), st.integers(0, 40))
def test_trimming_removes_the_least_recently_used_that_take_space(
    entries: list[tuple[int, bool]], uses: list[int], limit: int
) -> None:
    with somewhere() as folder:
        cache = ResultsCache(folder / "cache")
        keys = [sha256_of_text(str(number)) for number in range(len(entries))]
        order = list(keys)
        for number, (size, is_result) in enumerate(entries):
            files = write_files(folder / str(number), {"x": b"x" * size})
            put(cache, files, keys[number])
            if not is_result:
                files["x"].unlink()
        for use in uses:
            if use < len(keys):
                entry = cache.take(keys[use], ["x"], folder / "out")
                assert entry is not None
                shutil.rmtree(folder / "out")
                if not entries[use][1]:
                    order.append(order.pop(order.index(keys[use])))
        space = {
            key: kept.space
            for key in keys
            for kept in kept_entries(cache)
            if kept.folder.name == key
        }
        # As file systems with coarse clocks cannot tell: by hand, in the order of use.
        for second, key in enumerate(order):
            os.utime(cache.folder(key) / ENTRY, (second, second))
        removed = [kept.folder.name for kept in trim(cache, limit)]
        assert removed == [key for key in order if space[key]][: len(removed)]
        assert all(cache.has(key) != (key in removed) for key in keys)
        left = sum(kept.space for kept in kept_entries(cache))
        assert left <= limit
        # No more than needed.
        assert not removed or left + space[removed[-1]] > limit


def test_taking_an_entry_makes_it_the_most_recently_used(tmp_path: Path) -> None:
    cache, keys = ResultsCache(tmp_path / "cache"), [sha256_of_text(n) for n in "ab"]
    for second, key in enumerate(keys):
        entry = put(cache, write_files(tmp_path / key, CONTENTS), key)
        os.utime(entry / ENTRY, (second, second))
    assert [kept.folder.name for kept in kept_entries(cache)] == keys
    assert taken(cache, tmp_path / "out", keys[0]) == CONTENTS
    assert [kept.folder.name for kept in kept_entries(cache)] == keys[::-1]


def test_what_a_killed_process_left_goes_after_a_day_and_not_before(tmp_path: Path) -> None:
    cache = ResultsCache(tmp_path / "cache")
    entry = put(cache, write_files(tmp_path / "made", CONTENTS))
    half, fresh = (entry.with_name(f".{entry.name}.{name}") for name in ("0" * 8, "f" * 8))
    for folder in (half, fresh):
        shutil.copytree(entry, folder)
    os.utime(half, (1, 1))
    trim(cache, GIGABYTE)
    assert not half.exists()
    assert fresh.exists()
    assert entry.exists()


def test_the_limit_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ECSLM_CACHE_GB", raising=False)
    assert size_limit() == 50 * GIGABYTE
    monkeypatch.setenv("ECSLM_CACHE_GB", "0.5")
    assert size_limit() == GIGABYTE / 2
    for text in ("much", "-1", "nan"):
        monkeypatch.setenv("ECSLM_CACHE_GB", text)
        with pytest.raises(InputError, match=r"^ECSLM_CACHE_GB: .* is not a number of gigabytes"):
            size_limit()


@pytest.fixture(autouse=True)
def _warnings(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
