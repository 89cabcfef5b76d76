"""Digests of files, kept on disk: a run hashes only files that changed since an earlier one.

A change that keeps a file's date still changes the time of its last status change, which no program
can set, so the file is hashed again (`sha256_of_file`).
"""

from pathlib import Path

from pydantic import TypeAdapter

from ecslm.common.files import write_text
from ecslm.common.hashing import canonical_json, known_digests

_FORM = TypeAdapter(dict[str, tuple[tuple[int, ...], str]])


def load_digests(path: Path) -> None:
    """Use the digests of an earlier run. A file that is missing or broken is ignored."""
    for name, known in _read(path).items():
        known_digests.setdefault(name, known)


def save_digests(path: Path) -> None:
    """Keep all known digests of files that still exist."""
    if known_digests != _read(path):
        current = {name: known for name, known in known_digests.items() if Path(name).is_file()}
        write_text(path, canonical_json(current))


def _read(path: Path) -> dict[str, tuple[tuple[int, ...], str]]:
    try:
        return _FORM.validate_json(path.read_bytes()) if path.is_file() else {}
    except (OSError, ValueError):
        return {}
