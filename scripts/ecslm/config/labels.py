"""The label file of a study, read from the configuration without what else is in it."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from ecslm.common.errors import InputError
from ecslm.common.text import nearest
from ecslm.config.files import merged_files
from ecslm.config.schema_errors import schema_problems
from ecslm.data.settings import DataSource, DemoData, Labels


class _Study(BaseModel):
    data: DataSource


class _Studies(BaseModel):
    studies: dict[str, _Study]


def read_label_settings(files: Sequence[Path], study: str | None) -> Labels:
    """Where a study's label file is, or comes from.

    Args:
        files: of the configuration, later ones over earlier ones.
        study: an entry of `studies`, in place of the files' own.

    Raises:
        InputError: a file cannot be read, the study is unknown, its section `data` has problems, or
            names no labels.
    """
    raw = merged_files(files)
    name = str(raw.get("study") if study is None else study)
    studies = raw.get("studies")
    if not isinstance(studies, dict) or name not in studies:
        valid = studies if isinstance(studies, dict) else ()
        raise InputError(f"study: {name} is not in studies{nearest(name, valid)}")
    try:
        data = _Studies.model_validate({"studies": {name: studies[name]}}).studies[name].data
    except ValidationError as error:
        raise InputError(*schema_problems(error, _Studies)) from None
    labels = None if isinstance(data, DemoData) else data.labels
    path = f"studies.{name}.data"
    if labels is None:
        raise InputError(f"{path}: names no `labels`: there is no file")
    if problems := list(unpinned_labels(path, labels.model_dump())):
        raise InputError(*problems)
    return labels


def unpinned_labels(path: str, labels: Mapping[str, Any]) -> Iterator[str]:
    """The problem that a label file would be fetched whatever it holds."""
    if labels.get("url") and not labels.get("sha256"):
        yield f"{path}.labels.sha256: missing: what `url` gives must be pinned"
