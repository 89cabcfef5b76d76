"""sha256 of texts and files, and canonical JSON."""

import hashlib
import json
import time
from pathlib import Path
from typing import Any

from ecslm.common.errors import InputError

# A file modified more recently may change again within the same tick of a coarse file system clock,
# which would go unnoticed.
SETTLED_NS = 2 * 10**9

# By path, for files that have been hashed: their state then, and the digest.
known_digests: dict[str, tuple[tuple[int, ...], str]] = {}


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces, so that equal values give equal text."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def sha256_of_text(text: str) -> str:
    """Hexadecimal sha256 of the text's UTF-8 bytes."""
    return hashlib.sha256(text.encode()).hexdigest()


def sha256_of_file(path: Path) -> str:
    """Hexadecimal sha256 of a file's bytes.

    Digests are cached per process (`digest_cache` keeps them for the next). A file is hashed again
    if its size, times or inode have changed, or if it was modified so recently that its times
    cannot show a change.

    Raises:
        InputError: the file does not exist, or is a directory.
    """
    try:
        status = path.stat()
        state = (
            *(status.st_dev, status.st_ino, status.st_size),
            *(status.st_mtime_ns, status.st_ctime_ns),
        )
        known_state, digest = known_digests.get(str(path), (None, ""))
        if known_state == state:
            return digest
        settled = time.time_ns() - max(status.st_mtime_ns, status.st_ctime_ns) > SETTLED_NS
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a directory; expected a file") from None
    if settled:
        known_digests[str(path)] = state, digest
    return digest
