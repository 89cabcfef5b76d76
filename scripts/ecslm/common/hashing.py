"""sha256 of texts and files, canonical JSON, and JSON with its own sha256.

Digests of files are kept on disk: a run hashes only files that changed since an earlier one. A
change that keeps a file's date still changes the time of its last status change, which no program
can set, so the file is hashed again.
"""

import hashlib
import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter

from ecslm.common.errors import InputError
from ecslm.common.files import Model, json_text, write_text

# A file modified more recently may change again within the same tick of a coarse file system clock,
# which would go unnoticed.
SETTLED_NS = 2 * 10**9

# By path, for files that have been hashed: their state then, and the digest.
known_digests: dict[str, tuple[tuple[int, ...], str]] = {}
_FORM = TypeAdapter(dict[str, tuple[tuple[int, ...], str]])


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces, so that equal values give equal text."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def sha256_of_text(text: str) -> str:
    """Hexadecimal sha256 of the text's UTF-8 bytes."""
    return hashlib.sha256(text.encode()).hexdigest()


def sha256_of_json(value: Any) -> str:
    """Hexadecimal sha256 of a value's canonical JSON."""
    return sha256_of_text(canonical_json(value))


class Sealed(BaseModel):
    """The form of what `sealed` writes; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def sealed(value: BaseModel) -> str:
    """A model as JSON text with its own sha256."""
    content = value.model_dump(mode="json")
    return json_text({**content, "sha256": sha256_of_text(canonical_json(content))})


def unsealed(form: type[Model], content: bytes) -> Model:
    """What `sealed` has written; every byte must be right.

    Raises:
        ValueError: it is something else.
    """
    try:
        text = content.decode()
        fields = json.loads(text)
        del fields["sha256"]
        value = form.model_validate(fields)
    except (KeyError, TypeError):
        raise ValueError("no sealed JSON") from None
    if sealed(value) != text:
        raise ValueError("altered")
    return value


def file_state(path: Path) -> tuple[int, ...]:
    """What is different after each change of a file, unless two changes follow at once.

    Raises:
        FileNotFoundError: there is no such file.
    """
    now = path.stat()
    return now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns


def changed_while_read(paths: Iterable[Path | str]) -> InputError:
    """The error about files of which it is unclear which version was read."""
    return InputError(*(f"{path}: changed while it was being read: run again" for path in paths))


def differs(path: Path, digest: str | None) -> bool:
    """Whether a file has another digest. One that is remembered may be wrong: it is hashed again.

    Raises:
        InputError: see `sha256_of_file`.
    """
    if sha256_of_file(path) == digest:
        return False
    known_digests.pop(str(path), None)
    return sha256_of_file(path) != digest


def sha256_of_file(path: Path) -> str:
    """Hexadecimal sha256 of a file's bytes.

    Digests are cached per process (`save_digests` keeps them for the next). A file is hashed again
    if its size, times or inode have changed, or if it was modified so recently that its times
    cannot show a change.

    Raises:
        InputError: the file does not exist, or is no file.
    """
    try:
        state = file_state(path)
        known_state, digest = known_digests.get(str(path), (None, ""))
        if known_state == state:
            return digest
        settled = time.time_ns() - max(state[-2:]) > SETTLED_NS
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a directory; expected a file") from None
    if settled:
        known_digests[str(path)] = state, digest
    return digest


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
