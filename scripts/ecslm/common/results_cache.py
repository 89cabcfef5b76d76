"""Finished results of long jobs, kept by the digest of everything that determines their bytes.

An entry is a directory: the files, and `entry.json` with the sha256 of each of them and of itself.
Whoever takes one verifies each byte, so several processes and machines may share the cache, and be
killed at any moment.
"""

import logging
import os
import re
import shutil
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecslm.common.errors import InputError
from ecslm.common.files import Sha256, copy_file, write_text
from ecslm.common.hashing import Sealed, sealed, sha256_of_file, unsealed

log = logging.getLogger(__name__)

# Relative to the project, in CACHE of schemas/paths.py, which this layer does not import.
FINISHED = Path("results/cache/finished")
ENTRY = "entry.json"
# Names another directory, which several users and machines may share.
ROOT_VARIABLE = "ECSLM_CACHE"
LIMIT_VARIABLE = "ECSLM_CACHE_GB"
GIGABYTE = 10**9
DAY = 86_400
# Bytes of a file of weights, at least.
LARGE = 10**7
KEY = re.compile("[0-9a-f]{64}")


class Entry(Sealed):
    """The content of `entry.json`."""

    key: Sha256
    """Digest of everything that determines the results."""
    step: str
    made_for: str
    """The manifest that the results were first written with."""
    fields: dict[str, Any]
    """Fields of the manifest that the job has found."""
    files: dict[str, str]
    """sha256 of each result, by its name in the entry."""


@dataclass(frozen=True)
class Kept:
    """An entry on disk."""

    folder: Path
    entry: Entry | None
    """None: a process was killed while it wrote it."""
    last_used: float
    """Seconds since the epoch."""
    space: int
    """Bytes that it takes; none if files of it are also results, as large ones are."""


class ResultsCache:
    """The cache in a directory.

    It never fails a job: errors of the file system are warned of.
    """

    def __init__(self, root: Path = FINISHED) -> None:
        """Args:
        root: the directory, unless the environment names another.
        """
        self.root = Path(os.environ.get(ROOT_VARIABLE) or root)

    def folder(self, key: str) -> Path:
        """The directory of an entry."""
        return self.root / key[:2] / key

    def has(self, key: str) -> bool:
        """Whether there is an entry, sound or not."""
        with suppress(OSError):
            return (self.folder(key) / ENTRY).is_file()
        return False

    def put(self, entry: Entry, files: Mapping[str, Path]) -> None:
        """Keep results: large ones as hard links, where the file system has them, and others as
        copies, since a person may edit a result in place.

        Args:
            files: the results, by their names in the entry.
        """
        if self.has(entry.key):
            return
        folder = self.folder(entry.key)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, file in files.items():
                (copy_file if file.stat().st_size < LARGE else link_or_copy)(file, folder / name)
            # Last: before, there is no entry.
            write_text(folder / ENTRY, sealed(entry))
        except OSError as error:
            remove_entry(folder)
            log.warning("cache: %s: finished results are not kept: %s", self.root, error)

    def take(self, key: str, names: Collection[str], folder: Path) -> Entry | None:
        """Copy results into the new directory `folder`, and verify each file there.

        Nothing is returned if there is no such entry, or if it is damaged; then it is removed.

        Args:
            names: the files that the entry must have.
        """
        if not self.has(key):
            return None
        source = self.folder(key)
        try:
            folder.mkdir()
            entry = _read_entry(source)
            for name in names:
                # Not a link, whose file may be a result of another study: no two results may
                # change with one another.
                shutil.copyfile(source / name, folder / name)
                if sha256_of_file(folder / name) != entry.files.get(name):
                    raise ValueError("altered")
            with suppress(OSError):
                # Not of the user's own files, in a shared directory: then it is not the last used.
                os.utime(source / ENTRY)
        except (ValueError, FileNotFoundError):
            log.warning("cache: %s: damaged: removed, will be rebuilt", source)
            remove_entry(source)
            return None
        except OSError as error:
            log.warning("cache: %s: nothing is taken from it: %s", self.root, error)
            return None
        return entry


def size_limit() -> float:
    """The most bytes that the cache may take, without entries that share their space with results.

    Raises:
        InputError: the variable of the environment is not a number of gigabytes.
    """
    text = os.environ.get(LIMIT_VARIABLE, "50")
    with suppress(ValueError):
        if (limit := float(text) * GIGABYTE) >= 0:
            return limit
    raise InputError(f"{LIMIT_VARIABLE}: {text!r} is not a number of gigabytes, such as 50")


def kept_entries(cache: ResultsCache) -> list[Kept]:
    """The entries of a cache, the least recently used first; nothing else that may be there, if a
    user has named another directory."""
    found: list[Kept] = []
    for folder in cache.root.glob("??/*"):
        if not (KEY.fullmatch(folder.name) and folder.name.startswith(folder.parent.name)):
            continue
        # Another process may have just removed it. One that cannot be read may be that of another
        # version.
        with suppress(OSError, ValueError):
            path, entry = folder / ENTRY, None
            with suppress(FileNotFoundError):
                entry = _read_entry(folder)
            last_used = (folder if entry is None else path).stat().st_mtime
            files = [file.stat() for file in folder.iterdir() if file != path]
            space = 0 if any(one.st_nlink > 1 for one in files) else sum(x.st_size for x in files)
            # Another process may be writing it.
            if entry is not None or last_used < time.time() - DAY:
                found.append(Kept(folder, entry, last_used, space))
    return sorted(found, key=lambda kept: kept.last_used)


def trim(cache: ResultsCache, limit: float) -> list[Kept]:
    """Remove the least recently used entries until the others take at most `limit` bytes.

    Entries that take no space of their own stay; those that are unfinished do not.
    Returns the removed ones.
    """
    entries, removed = kept_entries(cache), []
    space = sum(kept.space for kept in entries)
    for kept in entries:
        if kept.entry is None or (kept.space and space > limit):
            remove_entry(kept.folder)
            removed.append(kept)
            space -= kept.space
    return removed


def remove_entry(folder: Path) -> None:
    """Remove an entry."""
    with suppress(OSError):
        # First: from then on, there is none.
        (folder / ENTRY).unlink(missing_ok=True)
        shutil.rmtree(folder)


def link_or_copy(source: Path, target: Path) -> None:
    """Make `target` a hard link of `source`, or a copy where there are no such links."""
    try:
        target.unlink(missing_ok=True)
        target.hardlink_to(source)
    except OSError:
        copy_file(source, target)


def _read_entry(folder: Path) -> Entry:
    """Read `entry.json`, every byte of which must be right.

    Raises:
        ValueError: it is not what was written for this key.
    """
    entry = unsealed(Entry, (folder / ENTRY).read_bytes())
    if entry.key != folder.name:
        raise ValueError("of another key")
    return entry
