"""Removes damaged indexes of data from `results/cache`, so that they stop no run.

They are made again. Jobs verify all else that they read from the cache themselves.
"""

import logging
import shutil
from contextlib import suppress
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.common.files import read_json
from ecslm.common.hashing import sha256_of_file
from ecslm.data.sources.index import INDEX, Index
from ecslm.schemas.paths import CACHE, SERVER_ANSWERS

log = logging.getLogger(__name__)


def discard_garbage() -> None:
    """Remove indexes of data that are broken or altered."""
    for path in CACHE.glob(f"*/{INDEX}"):
        # Answers of servers may have been paid for.
        if path.parent != SERVER_ANSWERS and not _is_sound(path.parent):
            log.warning("cache: %s: damaged: removed, made again where it is needed", path.parent)
            # A run beside this one may have removed it too, as an index of former data.
            shutil.rmtree(path.parent, ignore_errors=True)


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
