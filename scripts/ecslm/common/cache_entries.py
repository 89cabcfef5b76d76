"""Lists the entries of the cache of finished results, and keeps the cache within its limit."""

import os
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.common.results_cache import (
    ENTRY,
    DamagedEntryError,
    Entry,
    ResultsCache,
    read_entry,
    remove_entry,
)

LIMIT_VARIABLE = "ECSLM_CACHE_GB"
DEFAULT_LIMIT = 50.0
GIGABYTE = 10**9
# Names of directories of entries in the making, see `hidden`.
UNFINISHED = f".{'[0-9a-f]' * 64}.{'[0-9a-f]' * 8}"
# Older ones are those of killed processes.
SECONDS_TO_MAKE = 86_400


@dataclass(frozen=True)
class Kept:
    """An entry on disk; `entry` is None if it is damaged."""

    folder: Path
    entry: Entry | None
    last_used: float
    """Seconds since the epoch."""
    size: int
    """Bytes of its files."""
    space: int
    """Bytes that its removal would free: files that are also results take no space."""


def size_limit() -> float:
    """The most bytes that the cache may take, without entries that share their space with results.

    Raises:
        InputError: the variable of the environment is not a number of gigabytes.
    """
    text = os.environ.get(LIMIT_VARIABLE, str(DEFAULT_LIMIT))
    try:
        limit = float(text) * GIGABYTE
    except ValueError:
        limit = -1
    if not limit >= 0:
        raise InputError(
            f"{LIMIT_VARIABLE}: {text!r} is not a number of gigabytes: set it to one such as "
            f"{DEFAULT_LIMIT:g}, or unset it"
        )
    return limit


def kept_entries(cache: ResultsCache) -> list[Kept]:
    """The entries of a cache, the least recently used first; nothing else that may be there, if a
    user has named another directory."""
    found = (_kept(path.parent) for path in cache.root.glob(f"??/[!.]*/{ENTRY}"))
    return sorted(filter(None, found), key=lambda kept: kept.last_used)


def trim(cache: ResultsCache, limit: float) -> list[Kept]:
    """Remove the least recently used entries until the others take at most `limit` bytes.

    Entries that take no space of their own stay. Returns the removed ones.
    """
    for folder in cache.root.glob(f"??/{UNFINISHED}"):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > SECONDS_TO_MAKE:
                shutil.rmtree(folder, ignore_errors=True)
    entries = kept_entries(cache)
    space, removed = sum(kept.space for kept in entries), []
    for kept in entries:
        if space <= limit:
            break
        if kept.space:
            remove_entry(kept.folder)
            removed.append(kept)
            space -= kept.space
    return removed


def _kept(folder: Path) -> Kept | None:
    """The entry in a directory; None if another process has just removed it."""
    try:
        states = {path.name: path.stat() for path in folder.iterdir()}
        used = (states.get(ENTRY) or folder.stat()).st_mtime
        entry = read_entry(folder)
    except DamagedEntryError:
        entry = None
    except OSError:
        return None
    return Kept(
        folder=folder,
        entry=entry,
        last_used=used,
        size=sum(state.st_size for state in states.values()),
        space=sum(
            state.st_size
            for name, state in states.items()
            # entry.json is never a result, and too small to count.
            if state.st_nlink == 1 and name != ENTRY
        ),
    )
