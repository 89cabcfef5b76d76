"""A study's data source: its files, indexed once by task and split, so that a job parses only its
own rows; where they are, and digests that tie results to them.

A dataset file depends on the digest of its own rows: an edited row changes only that of its part.
Settings say what a source contains, and results depend on that. Where a user's own files are stands
in `--location` instead: results do not depend on it.
"""

import hashlib
import json
import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from pydantic import PrivateAttr, RootModel
from tqdm import tqdm

from ecslm.common.errors import InputError, refuse
from ecslm.common.files import Model, read_settings, validated
from ecslm.common.hashing import (
    canonical_json,
    changed_while_read,
    file_state,
    load_digests,
    sealed,
    sha256_of_file,
    sha256_of_json,
    unsealed,
)
from ecslm.common.locks import held
from ecslm.common.text import one_line
from ecslm.data.labels import labels_digest
from ecslm.data.problems import Problems
from ecslm.data.rows import COLUMNS, SUFFIXES, Row, check_columns, data_files, read_rows
from ecslm.data.settings import DataSource, HubData, PathData
from ecslm.schemas.fields import is_writable
from ecslm.schemas.paths import CACHE, DIGESTS
from ecslm.schemas.record import DEFAULT_SETTING
from ecslm.schemas.settings import Closed

COMMIT = re.compile("[0-9a-f]{40}")
INDEX = "index.json"
# The code that builds an index: one of other code is not used.
BUILDERS = ("problems.py", "rows.py", "settings.py", "source.py", "../schemas/fields.py")
# Columns that the rows of a user's own files may lack, if all rows of a file do.
DEFAULTS = {"split": "test", "setting": DEFAULT_SETTING}


def location(source: DataSource) -> str:
    """The value of `--location`: where a user's own files are; empty for a data set of the hub."""
    return source.path if isinstance(source, PathData) else ""


def local_path(source: DataSource) -> Path | None:
    """Where the files of a source are on this machine; None for a data set of the hub."""
    if isinstance(source, PathData):
        return Path(source.path)
    return Path(source.id) if Path(source.id).is_dir() else None


def content_of(source: DataSource, digest: Callable[[], object]) -> str:
    """The digest of what a result is made from, relevance labels of the source included: the value
    of the option `--content`.

    Args:
        source: with its relevance labels only if the result uses them.
        digest: of the rows. It is not called for a data set of the hub, which a plan does not
            fetch: its revision identifies all of its rows.
    """
    remote = isinstance(source, HubData) and local_path(source) is None
    rows = source.revision if remote else digest()  # type: ignore[union-attr]
    return f"source:{sha256_of_json([rows, labels_digest(source.labels)])[:32]}"


class Part(Closed):
    """The rows of one task (by its name in the data) and split.

    `file` has a line for each row: its place in the source, a tab, and itself. `content` is the
    digest of the rows, wherever they stand.
    """

    task: str
    split: str
    rows: int
    content: str
    file: str


class IndexedRows(Closed):
    """The rows of data files by task and split, in the directory of their index.

    Attributes:
        code: digest of the code that built the index.
        files: sha256 of each file by its name.
        misplaced: rows of no task and split.
    """

    code: str
    files: dict[str, str]
    parts: tuple[Part, ...]
    misplaced: Problems
    _folder: Path = PrivateAttr()

    def of(self, names: Collection[str], split: str) -> list[Part]:
        """The parts of one task, under any of its names, and one split."""
        return [part for part in self.parts if part.task in names and part.split == split]

    def rows(self, parts: Iterable[Part]) -> Iterator[Row]:
        """The rows of some parts in source order, part by part, each with its place.

        Raises:
            InputError: a part was modified since it was written.
        """
        for part in parts:
            digest, path = hashlib.sha256(), self._folder / part.file
            with suppress(OSError, ValueError), path.open("rb") as lines:
                for line in lines:
                    where, _, row = line.rstrip(b"\n").partition(b"\t")
                    placed = json.loads(where), json.loads(row)
                    digest.update(row)
                    yield placed
            if digest.hexdigest() != part.content:
                fix = f"delete the directory {self._folder} to rebuild it"
                raise InputError(f"{path}: modified since it was written: {fix}")

    def content(self, names: Collection[str], split: str) -> str:
        """The digest of the rows of one task, under any of its names, and one split."""
        return "+".join(part.content for part in self.of(names, split))


def open_rows(source: DataSource, cache: Path) -> IndexedRows:
    """The rows of all files of a source, which are indexed unless they have been.

    Those in the cache are taken if they are of the same revision of the hub, or of the same files.

    Args:
        cache: directory of all indexes.

    Raises:
        InputError: a file is missing or truncated, or has no rows, or changes while it is read; or
            the data set or its revision cannot be loaded.
    """
    folder, path = _index_folder(source, cache), local_path(source)
    if path is not None:
        files = data_files(path)
    elif found := _kept(folder):
        return found
    else:
        assert isinstance(source, HubData)
        files = _fetched(source)
    states = [file_state(path) for path in files.values()]
    digests = {name: sha256_of_file(path) for name, path in files.items()}
    if found := _kept(folder, digests):
        return found
    # Jobs that start together wait for the first of them.
    with held(folder.with_suffix(".lock"), str(folder), wait=True):
        rows = _kept(folder, digests) or _built(source, files, digests, folder)
        # Even if they were put back.
        if states != [file_state(path) for path in files.values()]:
            shutil.rmtree(folder)
            raise changed_while_read(files.values())
    return rows


def is_indexed(source: HubData, cache: Path) -> bool:
    """Whether `open_rows` finds the rows here, and so asks the hub for nothing."""
    return local_path(source) is not None or _kept(_index_folder(source, cache)) is not None


@dataclass(frozen=True)
class PlannedSource:
    """The source of a job, as the options of its script name it.

    Args:
        settings: the source and what is made of it: JSON or @FILE
        cache: cache directory for indexes of the source
        content: set by a run: digest of the rows, which is recorded; other rows are refused
        location: path of the source's files, if --settings does not say it
    """

    settings: str
    cache: Path = CACHE
    content: str | None = None
    location: str | None = None

    def read(self, form: type[Model]) -> Model:
        """The settings, of whose `source` the location is the path.

        Raises:
            InputError: no JSON object, an unknown key, or a value out of range.
        """
        fields = read_settings(self.settings, RootModel[dict[str, Any]]).root
        if self.location and isinstance(fields.get("source"), dict):
            fields["source"]["path"] = self.location
        return validated(form, canonical_json(fields), "--settings")

    def rows(self, source: DataSource, digest: Callable[[IndexedRows], object]) -> IndexedRows:
        """The rows that a run was planned with; those that are there in a run by hand.

        Args:
            digest: of the rows that the result uses.

        Raises:
            InputError: they are others; or as in `open_rows`.
        """
        # Files that the plan has hashed are not hashed again by each job.
        load_digests(DIGESTS)
        rows = open_rows(source, self.cache)
        if self.content not in (None, content_of(source, lambda: digest(rows))):
            raise InputError("--content: the data changed since the run was planned: run again")
        return rows


def _index_folder(source: DataSource, cache: Path) -> Path:
    """The directory of a source's index, whatever the content of the source."""
    path = local_path(source)
    origin = source.model_dump(mode="json", include={"id", "revision", "split"})
    where = None if path is None else str(path.absolute())
    return cache / sha256_of_json([where, origin])[:24]


def _fetched(source: HubData) -> dict[str, Path]:
    """The files of a data set of the hub, which `datasets` finds and keeps in its own cache."""
    # Imported here, since it takes two seconds and is not needed where there is an index.
    from datasets import DownloadManager, load_dataset_builder

    where = f"data: {source.id} at {source.revision}:"
    try:
        builder = load_dataset_builder(source.id, revision=source.revision)
        found = builder.config.data_files or {}
        origins = [str(origin) for files in found.values() for origin in files]
        paths = map(Path, DownloadManager().download(origins))
    except Exception as error:  # what the library raises depends on what the repository holds
        fix = "check the network, the id and the revision"
        raise InputError(f"{where} cannot be loaded ({one_line(error)}): {fix}") from None
    others = (origin for origin in origins if not origin.endswith(SUFFIXES))
    refuse(f"{where} {one}: not one of {', '.join(SUFFIXES)}" for one in others)
    return dict(zip(origins, paths, strict=True))


def _code() -> str:
    """Digest of the code that builds an index."""
    paths = (Path(__file__).parent / name for name in BUILDERS)
    return sha256_of_json([sha256_of_file(path) for path in paths])


def _kept(folder: Path, files: dict[str, str] | None = None) -> IndexedRows | None:
    """The index in a directory, if there is one that is whole and that this code has built.

    Args:
        files: digests of the files that it must be of; None if it may be of any.
    """
    with suppress(OSError, ValueError):
        index = unsealed(IndexedRows, (folder / INDEX).read_bytes())
        if index.code == _code() and files in (None, index.files):
            index._folder = folder
            return index
    return None


def _built(
    source: DataSource, files: Mapping[str, Path], digests: dict[str, str], folder: Path
) -> IndexedRows:
    """Build an index; it replaces that of former content when it is complete."""
    problems, new = Problems(), folder.with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    try:
        parts = _written(_rows(source, files, problems), new, problems)
        index = IndexedRows(code=_code(), files=digests, parts=parts, misplaced=problems)
        (new / INDEX).write_text(sealed(index), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        new.rename(folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    index._folder = folder
    return index


def _rows(source: DataSource, files: Mapping[str, Path], problems: Problems) -> Iterator[Row]:
    """The rows of all files, with the columns that those of a user's own may lack."""
    own = isinstance(source, PathData)
    shares = source.split if isinstance(source, PathData) else None
    for name, path in files.items():
        absent: dict[str, str] | None = None
        for where, row in read_rows(path, name, problems):
            if absent is None:
                check_columns(sorted(row), where)
                # Defaults are for columns that the first row lacks, not for gaps in later rows.
                absent = {key: DEFAULTS[key] for key in DEFAULTS if own and key not in row}
            added = {*absent, "split"} if shares else absent.keys()
            if mixed := ", ".join(sorted(added & row.keys())):
                fix = "which earlier rows lack, or `data` of the study divides them"
                raise InputError(f"{where}: has {mixed}, {fix}: have it in all rows or in none")
            split = {"split": shares.split_of(row)} if shares else {}
            yield where, {**absent, **row, **split}
        if absent is None and not problems.total():
            raise InputError(f"{name}: has no rows")


def _written(rows: Iterator[Row], folder: Path, problems: Problems) -> tuple[Part, ...]:
    """Write rows into the parts of a directory; those of no part go to `problems`."""
    streams: dict[tuple[str, str], IO[bytes]] = {}
    contents: dict[tuple[str, str], Any] = defaultdict(hashlib.sha256)
    counts = Counter[tuple[str, str]]()
    with ExitStack() as opened:
        for where, row in tqdm(rows, desc="Reading the data", unit="row", disable=None):
            key: tuple[Any, Any] = row.get("task"), row.get("split")
            if not all(isinstance(name, str) and is_writable(name) for name in key):
                problems.add("missing_field", where, "no text in task or split")
                continue
            try:
                # In ASCII, which can hold any text; NaN stays as in the source. The columns of the
                # release are in one order, whatever theirs is. Others are ignored.
                text = json.dumps({name: row[name] for name in COLUMNS if name in row})
            except (TypeError, ValueError, RecursionError) as error:
                problems.add("unreadable_row", where, f"cannot be stored: {error}")
                continue
            if key not in streams:
                file = folder / f"{len(streams):03d}.jsonl"
                streams[key] = opened.enter_context(file.open("wb"))
            streams[key].write(f"{json.dumps(where)}\t{text}\n".encode())
            contents[key].update(text.encode())
            counts[key] += 1
    return tuple(
        Part(
            task=task,
            split=split,
            rows=counts[task, split],
            content=contents[task, split].hexdigest(),
            file=Path(streams[task, split].name).name,
        )
        for task, split in sorted(streams)
    )
