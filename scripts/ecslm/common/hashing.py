"""sha256 of texts and files, and JSON in one fixed form."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ecslm.common.errors import InputError


def canonical_json(value: Any) -> str:
    """JSON in one fixed form: keys sorted, no spaces. Equal settings give equal text."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def sha256_of_text(text: str) -> str:
    """Hexadecimal sha256 of the text's UTF-8 bytes."""
    return hashlib.sha256(text.encode()).hexdigest()


def sha256_of_file(path: Path) -> str:
    """Hexadecimal sha256 of a file's bytes."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a folder, a file is needed") from None


def verify_files(folder: Path, sha256_by_name: Mapping[str, str], mend: str) -> None:
    """Check that each named file of `folder` has the sha256 that a manifest records.

    Raises:
        InputError: a file is missing or altered; the line ends with `mend`, the way to repair it.
    """
    problems = []
    for name, expected in sha256_by_name.items():
        path = folder / name
        if not path.is_file():
            problems.append(f"{path}: no such file, though the manifest lists it; {mend}")
        elif sha256_of_file(path) != expected:
            problems.append(f"{path}: altered: its sha256 is not the manifest's; {mend}")
    if problems:
        raise InputError(*problems)
