"""`make cache`: what is in the cache, and its removal where that is asked for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.project import SCRIPTS

from ecslm.common.hashing import sha256_of_file, sha256_of_text
from ecslm.common.results_cache import ENTRY, Entry, ResultsCache


@pytest.fixture
def cache(tmp_path: Path) -> ResultsCache:
    """Two results of 20 and 10 MB, used at noon of two days; the second is still in place."""
    cache = ResultsCache(tmp_path / "shared")
    for name, megabytes, day in (("old", 20, 1), ("new", 10, 2)):
        result = tmp_path / name
        result.write_bytes(bytes(megabytes * 10**6))
        key, files = sha256_of_text(name), {"rows": sha256_of_file(result)}
        made_for = f"results/demo/{name}.manifest.json"
        entry = Entry(key=key, step="predict", made_for=made_for, fields={}, files=files)
        cache.put(entry, {"rows": result})
        os.utime(cache.folder(key) / ENTRY, (86_400 * day,) * 2)
    (tmp_path / "old").unlink()
    return cache


def run(
    cache: ResultsCache, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPTS / "cache.py"), *arguments],
        cwd=cache.root.parent,
        env={"ECSLM_CACHE": str(cache.root), "TZ": "UTC", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_shows_what_each_entry_is_for_and_removes_nothing(cache: ResultsCache) -> None:
    printed = run(cache).stdout.splitlines()
    assert printed == [
        "Last used              Size      Frees  Step           Made for",
        "1970-01-02 00:00   0.020 GB   0.020 GB  predict        results/demo/old.manifest.json",
        "1970-01-03 00:00   0.010 GB   0.000 GB  predict        results/demo/new.manifest.json",
        f"{cache.root}: 2 entries, 0.030 GB, of which 0.020 GB are not shared with results; limit "
        "50 GB (ECSLM_CACHE_GB)",
    ]
    assert cache.has(sha256_of_text("old"))


def test_it_trims_to_a_size(cache: ResultsCache) -> None:
    assert run(cache, "--trim", "0.02").stdout.startswith("0 entries removed, 0.000 GB\n")
    assert run(cache, "--trim", "0.01").stdout.startswith("1 entries removed, 0.020 GB\n")
    assert [cache.has(sha256_of_text(name)) for name in ("old", "new")] == [False, True]


def test_what_only_looks_like_an_entry_stays_in_a_folder_of_others(cache: ResultsCache) -> None:
    others = cache.root.parent / "others"
    for name in ("ab/cd", "ab/.git", f"cd/{sha256_of_text('x')}"):
        (others / name).mkdir(parents=True)
        (others / name / "work").write_text("of a week")
        os.utime(others / name, (0, 0))
    before = sorted(others.rglob("*"))
    ran = run(cache, "--trim", "0", ECSLM_CACHE=str(others))
    assert (ran.returncode, ran.stdout.splitlines()[0]) == (0, "0 entries removed, 0.000 GB")
    assert sorted(others.rglob("*")) == before
