"""Answers that others have published in a repository: fetched at a pinned commit.

The archive of a commit has another sha256 whenever the server compresses it again. What pins it is
the commit's own name, which git writes into the archive.
"""

import tarfile
import urllib.request
from http.client import HTTPException
from io import BytesIO
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from ecslm.common.errors import InputError
from ecslm.common.files import validated, write_jsonl
from ecslm.schemas.fields import NO_SECRET, may_hold_secret
from ecslm.schemas.paths import ANSWERS
from ecslm.schemas.settings import Closed, JobSettings, hiding


class PinnedAnswers(Closed):
    """Commit and folder of the answers: `{folder}/{model}/{task}/{setting}.json`."""

    commit: str = Field(pattern="^[0-9a-f]{7,40}$")
    """The commit; all 40 digits, or the first ones."""
    folder: str
    """Directory of the models in the repository."""


def _public(archive: str) -> str:
    """A path, or a URL of the web without a secret."""
    if "://" in archive and (not archive.startswith("http") or may_hold_secret(archive)):
        raise hiding(f"a URL begins with https:// and {NO_SECRET}")
    return archive


class PublishedAnswers(PinnedAnswers):
    """Answers that others have published, for models with `published`."""

    archive: Annotated[str, AfterValidator(_public)]
    """URL of the commit's archive as tar.gz, or path of one that was downloaded."""


class AnswersOfTask(Closed):
    """The answers of one model to one task."""

    model: str
    """Directory of the model."""
    task: str
    """Code of the task, for the name of the file to write."""
    names: tuple[str, ...] = Field(min_length=1)
    """Names that its directory may have."""
    settings: tuple[str, ...] = Field(min_length=1)
    """Settings to take, in order."""


class FetchSettings(PinnedAnswers, JobSettings):
    """The value of the script's `--settings`."""

    answers: tuple[AnswersOfTask, ...]
    """What to take from the archive."""


def fetch_answers(archive: str, settings: FetchSettings, output: Path) -> list[Path]:
    """Write the answers of each model to each task into a directory; return the files.

    A line has the `setting` and the `prediction`, in the order of the published lists.

    Raises:
        InputError: the archive cannot be fetched or read, is that of another commit, or lacks
            answers.
    """
    output.mkdir(parents=True, exist_ok=True)
    where = archive if "://" in archive else Path(archive).absolute().as_uri()
    try:
        with urllib.request.urlopen(where, timeout=60) as answer:
            packed = BytesIO(answer.read())
        with tarfile.open(fileobj=packed) as opened:
            rows = _rows(opened, archive, settings)
    except (OSError, EOFError, ValueError, HTTPException, tarfile.TarError) as error:
        raise InputError(
            f"{archive}: no whole tar archive can be read there ({error}): download it, and "
            "set `archive` of the study's `answers` to the path of the file"
        ) from None
    for name, found in rows.items():
        write_jsonl(output / name, found)
    return [output / name for name in rows]


def _rows(
    archive: tarfile.TarFile, name: str, settings: FetchSettings
) -> dict[str, list[dict[str, str]]]:
    """The lines of the file of each model and task."""
    commit = str(archive.pax_headers.get("comment", "unknown"))
    if not commit.startswith(settings.commit):
        raise InputError(f"{name}: is of commit {commit}, not of `commit: {settings.commit}`")
    # All files are in one directory, which is named after the repository.
    members = {one.name.partition("/")[2]: one for one in archive.getmembers() if one.isfile()}
    rows: dict[str, list[dict[str, str]]] = {}
    for one in settings.answers:
        into = rows.setdefault(Path(ANSWERS.format(model=one.model, task=one.task)).name, [])
        for setting in one.settings:
            paths = [f"{settings.folder}/{one.model}/{task}/{setting}.json" for task in one.names]
            path = next((path for path in paths if path in members), None)
            stream = None if path is None else archive.extractfile(members[path])
            if stream is None:
                raise InputError(
                    f"{name}: has no {paths[-1]}: restrict the models to what they have, with "
                    "`settings` and `tasks`"
                )
            texts = validated(list[str], stream.read(), f"{name}: {path}")
            into += ({"setting": setting, "prediction": text} for text in texts)
    return rows
