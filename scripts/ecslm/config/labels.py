"""Settings of a study's label file, read without validating the rest of the configuration."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from ecslm.common.errors import InputError
from ecslm.common.text import nearest
from ecslm.config.files import read_files
from ecslm.config.places import merged
from ecslm.config.schema_errors import schema_problems
from ecslm.data.settings import DataSource, Labels
from ecslm.schemas.urls import NO_SECRET, may_hold_secret


class _Study(BaseModel):
    data: DataSource


class _Studies(BaseModel):
    studies: dict[str, _Study]


def read_label_settings(files: Sequence[Path], study: str | None) -> Labels:
    """Path, URL and sha256 of a study's label file.

    Args:
        files: files of the configuration, later ones over earlier ones.
        study: an entry of `studies`, instead of the one that the files select.

    Raises:
        InputError: a file cannot be read, the study is unknown, its section `data` has problems, or
            has no labels.
    """
    values = {} if study is None else {"study": study}
    content = merged(read_files(files)).with_values(values)
    try:
        return _labels(content.values)
    except InputError as error:
        raise content.located(error) from None


def _labels(raw: Mapping[str, Any]) -> Labels:
    name, studies = str(raw.get("study")), raw.get("studies")
    if not isinstance(studies, dict) or name not in studies:
        valid = studies if isinstance(studies, dict) else ()
        raise InputError(f"study: {name} is not in studies{nearest(name, valid)}")
    try:
        labels = (
            _Studies.model_validate({"studies": {name: studies[name]}}).studies[name].data.labels
        )
    except ValidationError as error:
        raise InputError(*schema_problems(error, _Studies)) from None
    path = f"studies.{name}.data"
    if labels is None:
        raise InputError(f"{path}: has no `labels`, so there is no file to fetch")
    if problems := list(label_problems(path, dict(labels))):
        raise InputError(*problems)
    return labels


def label_problems(path: str, labels: Mapping[str, Any]) -> Iterator[str]:
    """Problems of a label file that would be fetched without a check of its content, or from a URL
    that may hold a secret."""
    if labels.get("url") and not labels.get("sha256"):
        yield f"{path}.labels.sha256: missing: needed to verify the file from `url`"
    if may_hold_secret(str(labels.get("url") or "")):
        yield f"{path}.labels.url: {NO_SECRET}"
