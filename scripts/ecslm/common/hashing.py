"""sha256 of texts and files, and JSON in one fixed form."""

import hashlib
import json
import time
from pathlib import Path
from typing import Any

from ecslm.common.errors import InputError

# A file changed less long ago may change again without a sign: clocks of file systems are coarse.
SETTLED_NS = 2 * 10**9

_known: dict[tuple[int, ...], str] = {}


def canonical_json(value: Any) -> str:
    """JSON in one fixed form: keys sorted, no spaces. Equal settings give equal text."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def sha256_of_text(text: str) -> str:
    """Hexadecimal sha256 of the text's UTF-8 bytes."""
    return hashlib.sha256(text.encode()).hexdigest()


def sha256_of_file(path: Path) -> str:
    """Hexadecimal sha256 of a file's bytes.

    A process hashes a file once: again only when its size, its times or its place on the disk say
    that it has changed, or could not say so yet.

    Raises:
        InputError: there is no such file.
    """
    try:
        status = path.stat()
        state = (
            *(status.st_dev, status.st_ino, status.st_size),
            *(status.st_mtime_ns, status.st_ctime_ns),
        )
        if state in _known:
            return _known[state]
        settled = time.time_ns() - max(status.st_mtime_ns, status.st_ctime_ns) > SETTLED_NS
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a directory; expected a file") from None
    if settled:
        _known[state] = digest
    return digest
