"""Removes damaged parts of `results/cache`, so that they stop no run.

Everything in the cache can be made again, except answers of servers, which are not touched here.
Jobs verify the entries that they read: see `common/results_cache.py`.
"""

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.common.files import is_pipe_or_device, read_json
from ecslm.common.hashing import sha256_of_file
from ecslm.data.sources.index import INDEX, Index
from ecslm.schemas.paths import CACHE, DIGESTS, FINISHED, SERVER_ANSWERS

log = logging.getLogger(__name__)

# Directories of the cache.
FOLDERS = (FINISHED, CACHE / "bertscore")


def discard_garbage() -> None:
    """Remove indexes of data that are broken or altered, and what stands in the way of others."""
    for path in _no_files():
        _discard(path)
    for path in CACHE.glob("*/"):
        # These may have been paid for.
        if path == SERVER_ANSWERS:
            continue
        if path.name.endswith(DIGESTS.suffix) or ((path / INDEX).exists() and not _is_sound(path)):
            _discard(path)
    for path in FOLDERS:
        if path.is_file():
            _discard(path)


def _no_files() -> Iterator[Path]:
    """Pipes, sockets, devices and links to such, which a job would open and wait for."""
    for place, folders, files in os.walk(CACHE):
        if Path(place) == CACHE and SERVER_ANSWERS.name in folders:
            folders.remove(SERVER_ANSWERS.name)
        for path in (Path(place, name) for name in files):
            if is_pipe_or_device(path):
                yield path


def _is_sound(folder: Path) -> bool:
    """Whether an index of data is as it was written. Only what has changed is hashed."""
    with suppress(InputError, ValueError, OSError):
        index = Index.model_validate(read_json(folder / INDEX))
        return index.digest == index.content_digest() and all(
            sha256_of_file(folder / name) == digest
            for part in index.parts
            for name, digest in ((part.file, part.sha256), (part.places, part.places_sha256))
        )
    return False


def _discard(path: Path) -> None:
    log.warning("cache: %s: damaged: removed, made again where it is needed", path)
    # A run beside this one may have removed it too, as an index of former data.
    with suppress(FileNotFoundError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
