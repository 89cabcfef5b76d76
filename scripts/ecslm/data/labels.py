"""Relevance labels of ranking records: from a file, which is fetched and verified, or from the
order of `output`."""

import hashlib
import urllib.request
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path
from string import ascii_uppercase

from ecslm.common.errors import InputError
from ecslm.common.files import read_model, write_bytes
from ecslm.common.hashing import sha256_of_json
from ecslm.data.problems import RowError
from ecslm.data.settings import Labels
from ecslm.schemas.record import Record, Relevance

GRADES = "ESCI"
# The label file is in the row order of these settings, which is the same in both.
LABELLED_SETTINGS = ("IND_Diverse_Instruction", "IND_Single_Instruction")


def labels_digest(labels: Labels | None) -> str | None:
    """The sha256 of a file that is pinned, which need not be there; otherwise a digest of the rows.
    None without labels.

    Raises:
        InputError: as `read_labels`.
    """
    if labels is None:
        return None
    return labels.sha256 or sha256_of_json(read_labels(labels))


def read_labels(labels: Labels | None) -> list[list[Relevance]] | None:
    """One list per ranking row, one label per product; the file is fetched if it is missing. None
    without labels.

    Raises:
        InputError: the file is missing and cannot be fetched, or has another sha256 or format.
    """
    if labels is None:
        return None
    path = Path(labels.path)
    where: Path | str = path
    if path.exists():
        content = path.read_bytes()
    elif labels.url is None:
        fix = "put the label file there, or set `labels.url`"
        raise InputError(f"{path}: no such file: {fix}")
    else:
        where = labels.url
        try:
            with urllib.request.urlopen(labels.url, timeout=60) as answer:
                content = answer.read()
        except (OSError, HTTPException, ValueError) as error:
            fix = f"download it and save it as {path}"
            raise InputError(f"{labels.url}: cannot be fetched ({error}): {fix}") from None
    if labels.sha256 not in (None, hashlib.sha256(content).hexdigest()):
        fix = "give the right file, or fix the key"
        raise InputError(f"{where}: its sha256 is not `labels.sha256`: {fix}")
    if where != path:
        write_bytes(path, content)
    return read_model(path, list[list[Relevance]])


def require_agreement(output: str, labels: Sequence[Relevance]) -> None:
    """Refuse labels that do not fit a right order. Products of one label may have any order.

    Raises:
        RowError: there is not one label for each product, or the output has a product before one of
            a better label.
    """
    letters = output.split(",")
    label_of = dict(zip(ascii_uppercase, labels, strict=False))
    ranked = [label_of.get(letter, "") for letter in letters]
    if len(labels) != len(letters) or ranked != sorted(ranked, key=GRADES.index):
        order = f"one label a product, and products in the order {', '.join(GRADES)}"
        problem = f"labels {list(labels)} disagree with {output!r}: there should be {order}"
        raise RowError("label_disagreement", f"relevance: {problem}")


def by_rank(record: Record) -> Record:
    """The record with labels derived from its order alone: the first E, then S, C, I."""
    letters = record.output.split(",")
    grades: list[Relevance] = ["I"] * len(letters)
    for rank, letter in enumerate(letters[: len(GRADES)]):
        grades[ascii_uppercase.index(letter)] = GRADES[rank]  # type: ignore[call-overload]
    return record.model_copy(update={"relevance": grades})
