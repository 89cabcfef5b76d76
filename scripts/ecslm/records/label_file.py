"""The file of relevance labels: found on disk or fetched, and verified."""

import urllib.error
import urllib.request
from pathlib import Path

from pydantic import RootModel, ValidationError

from ecslm.files import InputError, field_problems, read_json, sha256_of_file, write_text
from ecslm.records.record import Relevance
from ecslm.records.settings import Labels


class LabelFile(RootModel[list[list[Relevance]]]):
    """One list of labels per ranking row, a label per product in list order."""


def read_labels(labels: Labels) -> list[list[str]]:
    """The labels; fetched first when the file is missing and a `url` is configured.

    Raises:
        InputError: the file is missing and cannot be fetched, has another sha256, or another form.
    """
    path = Path(labels.path)
    if not path.exists() and labels.url is not None:
        _fetch(labels.url, path)
    if not path.exists():
        raise InputError(f"{path}: no such file: put the label file there, or give `labels.url`")
    if labels.sha256 is not None and sha256_of_file(path) != labels.sha256:
        raise InputError(f"{path}: its sha256 is not `labels.sha256`: delete it to fetch it anew")
    try:
        return [list(row) for row in LabelFile.model_validate(read_json(path)).root]
    except ValidationError as error:
        raise InputError(*(f"{path}: {problem}" for problem in field_problems(error)[:5])) from None


def _fetch(url: str, path: Path) -> None:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            write_text(path, answer.read().decode("utf-8"))
    except (urllib.error.URLError, TimeoutError, UnicodeDecodeError) as error:
        raise InputError(f"{url}: cannot be fetched ({error}): put the file at {path}") from None
