"""Relevance labels of ranking records: from a file, which is fetched and verified, or from the
order of `output`."""

import urllib.request
from collections.abc import Sequence
from hashlib import sha256
from http.client import HTTPException
from pathlib import Path
from string import ascii_uppercase

from ecslm.common.errors import InputError
from ecslm.common.files import read_model, write_bytes
from ecslm.common.hashing import canonical_json, sha256_of_file, sha256_of_text
from ecslm.data.problems import RowError
from ecslm.data.settings import Labels
from ecslm.schemas.record import Record, Relevance

GRADES = "ESCI"
# The label file is in the row order of these settings, which is the same in both.
LABELLED_SETTINGS = ("IND_Diverse_Instruction", "IND_Single_Instruction")
# Problems reported: a file in another format has the same one in each row.
MOST_PROBLEMS = 5


def labels_digest(labels: Labels) -> str:
    """The sha256 of a file that is pinned, which need not be there; otherwise a digest of the rows.

    Raises:
        InputError: as `read_labels`.
    """
    return labels.sha256 or sha256_of_text(canonical_json(read_labels(labels)))


def read_labels(labels: Labels) -> list[list[Relevance]]:
    """One list per ranking row, one label per product; the file is fetched if it is missing.

    Raises:
        InputError: the file is missing and cannot be fetched, or has another sha256 or format.
    """
    fetch_labels(labels)
    try:
        return read_model(Path(labels.path), list[list[Relevance]])
    except InputError as error:
        raise InputError(*error.details[:MOST_PROBLEMS]) from None


def no_label_file(path: Path) -> str:
    """The problem that the file is missing, and cannot be fetched."""
    return f"{path}: no such file: put the label file there, or set `labels.url`"


def fetch_labels(labels: Labels) -> None:
    """Fetch the file unless it exists.

    Raises:
        InputError: the file is missing and cannot be fetched, or it has another sha256.
    """
    path = Path(labels.path)
    if path.exists():
        if labels.sha256 not in (None, sha256_of_file(path)):
            fix = "delete the file, or fix the key"
            raise InputError(f"{path}: its sha256 is not `labels.sha256`: {fix}")
        return
    if labels.url is None:
        raise InputError(no_label_file(path))
    by_hand = f"download it and save it as {path}"
    try:
        with urllib.request.urlopen(labels.url, timeout=60) as answer:
            content: bytes = answer.read()
    except (OSError, HTTPException, ValueError) as error:
        raise InputError(f"{labels.url}: cannot be fetched ({error}): {by_hand}") from None
    if labels.sha256 not in (None, found := sha256(content).hexdigest()):
        other = f"its sha256 is {found}, `labels.sha256` is {labels.sha256}"
        raise InputError(f"{labels.url}: {other}: fix the key, or {by_hand}")
    write_bytes(path, content)


def require_agreement(output: str, labels: Sequence[Relevance]) -> None:
    """Refuse labels that do not fit a right order. Products of one label may have any order.

    Raises:
        RowError: there is not one label for each product, or the output has a product before one of
            a better label.
    """
    letters = output.split(",")
    if len(labels) != len(letters):
        problem = f"{len(labels)} labels, but {output!r} ranks {len(letters)}"
        raise RowError("label_disagreement", f"relevance: {problem}")
    ranked = [labels[ascii_uppercase.index(letter)] for letter in letters]
    if ranked != sorted(ranked, key=GRADES.index):
        problem = f"labels {list(labels)} disagree with {output!r}: products come in the order"
        raise RowError("label_disagreement", f"relevance: {problem} {', '.join(GRADES)}")


def by_rank(record: Record) -> Record:
    """The record with labels derived from its order alone: the first E, then S, C, I."""
    letters = record.output.split(",")
    grades: list[Relevance] = ["I"] * len(letters)
    for rank, letter in enumerate(letters[: len(GRADES)]):
        grades[ascii_uppercase.index(letter)] = GRADES[rank]  # type: ignore[call-overload]
    return record.model_copy(update={"relevance": grades})
