"""The file of relevance labels: found on disk or fetched, and verified."""

import urllib.request
from hashlib import sha256
from http.client import HTTPException
from pathlib import Path
from typing import NamedTuple

from ecslm.common.errors import InputError
from ecslm.common.files import read_model, write_bytes
from ecslm.common.hashing import canonical_json, sha256_of_file, sha256_of_text, unchanged
from ecslm.data.settings import Labels
from ecslm.schemas.record import Relevance

# Problems reported: a file in another format has the same one in each row.
MOST_PROBLEMS = 5


class LabelFile(NamedTuple):
    """The content of a file of labels: one list per ranking row, one label per product."""

    rows: list[list[str]]
    digest: str
    """The file's sha256 if that is pinned, otherwise a digest of the rows."""


def planned_digest(labels: Labels) -> str:
    """The digest that `read_labels` will give. A pinned file need not be there.

    Raises:
        InputError: the file is missing or has another format.
    """
    if labels.sha256 is None:
        return read_labels(labels).digest
    path = Path(labels.path)
    return sha256_of_file(path) if path.exists() else labels.sha256


def read_labels(labels: Labels) -> LabelFile:
    """Read the file, which is fetched first if it is missing and a `url` is configured.

    Raises:
        InputError: the file is missing and cannot be fetched, or has another sha256 or format.
    """
    fetch_labels(labels)
    path = Path(labels.path)
    with unchanged([path]):
        # It is there now, and verified as it is read.
        fetch_labels(labels)
        try:
            rows: list[list[str]] = [list(row) for row in read_model(path, list[list[Relevance]])]
        except InputError as error:
            raise InputError(*error.details[:MOST_PROBLEMS]) from None
    return LabelFile(rows, labels.sha256 or sha256_of_text(canonical_json(rows)))


def no_label_file(path: Path) -> str:
    """The problem that the file is missing, and cannot be fetched."""
    return f"{path}: no such file: put the label file there, or set `labels.url`"


def fetch_labels(labels: Labels) -> bool:
    """Fetch the file unless it exists; return whether it was fetched.

    Raises:
        InputError: the file is missing and cannot be fetched, or it has another sha256.
    """
    path = Path(labels.path)
    if path.exists():
        if labels.sha256 not in (None, sha256_of_file(path)):
            raise InputError(
                f"{path}: its sha256 is not `labels.sha256`: delete the file, or fix the key"
            )
        return False
    if labels.url is None:
        raise InputError(no_label_file(path))
    by_hand = f"download it and save it as {path}"
    try:
        with urllib.request.urlopen(labels.url, timeout=60) as answer:
            content: bytes = answer.read()
    except (OSError, HTTPException, ValueError) as error:
        raise InputError(f"{labels.url}: cannot be fetched ({error}): {by_hand}") from None
    if labels.sha256 not in (None, found := sha256(content).hexdigest()):
        raise InputError(
            f"{labels.url}: its sha256 is {found}, `labels.sha256` is {labels.sha256}: the file "
            f"has changed, or the server sent something else: {by_hand}"
        )
    write_bytes(path, content)
    return True
