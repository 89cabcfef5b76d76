"""The study's data source: its files, and digests that tie results to its content."""

from collections.abc import Callable
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from ecslm.common.errors import InputError
from ecslm.common.hashing import sha256_of_file
from ecslm.common.manifests import manifest_of, read_manifest
from ecslm.data.content import content_parameter
from ecslm.data.problems import MISPLACED
from ecslm.data.settings import DataSource, DemoData, HubData, PathData
from ecslm.data.sources.files import data_files
from ecslm.data.sources.index import IndexedRows
from ecslm.data.sources.path import open_rows
from ecslm.plan.study import Study
from ecslm.schemas import paths


class Source:
    """The study's data source in its current state."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self.data: DataSource = study.settings.data

    def files(self) -> list[str]:
        """Files or directories that records are built from; none for a hub data set."""
        data = self.data
        if isinstance(data, HubData):
            return [data.id] if Path(data.id).is_dir() else []
        if isinstance(data, DemoData):
            return [str(data.catalogue), str(data.instructions)]
        return [data.path]

    def missing_files(self) -> list[str]:
        """Those files that are missing, and missing labels without a URL. They are not needed once
        the dataset files exist."""
        files = self.files()
        labels = getattr(self.data, "labels", None)
        if labels is not None and labels.url is None and self.is_labelled():
            files = [*files, labels.path]
        return [path for path in files if not Path(path).exists()]

    def check(self) -> None:
        """Check the files that records are built from before anything runs.

        Raises:
            InputError: a file cannot be read, or is missing while a dataset file has yet to be
                built from it.
        """
        missing = self.missing_files()
        if missing and not all(Path(path).is_file() for path in self._derived_files()):
            raise InputError(
                *(f"{path}: no such file: fix `data` of the study" for path in missing)
            )
        if isinstance(self.data, PathData) and Path(self.data.path).exists():
            _ = self.rows

    @cached_property
    def rows(self) -> IndexedRows:
        """The rows of local data. All files are read to verify that the index is current.

        Raises:
            InputError: a file is missing or cannot be read.
        """
        assert isinstance(self.data, PathData), "only local files have an index"
        return open_rows(self.data, paths.CACHE)

    def content_of_split(self, task: str, split: str) -> str:
        """Digest of the source rows of a dataset file, as a parameter.

        If the source is missing, for example since results were copied from another machine, the
        digest is that of the dataset file's manifest.

        Raises:
            InputError: a local file is missing or cannot be read.
        """
        result = self._study.dataset_file(task, split)
        return self._content(result, self.takes_labels(task, split), self._digests(task, split))

    def content_of_all(self) -> str:
        """Digest of all rows of the source, as a parameter; see `content_of_split`.

        Raises:
            InputError: a local file is missing or cannot be read.
        """
        check = self._study.path(paths.DATA_CHECK)
        return self._content(check, self.is_labelled(), self._files_digest)

    def for_split(self, task: str, split: str) -> DataSource:
        """The source without settings that affect only other dataset files."""
        if isinstance(self.data, DemoData):
            # The examples of 1-shot test rows are training samples.
            sizes = ("train", "test_ind", "test_ood") if split == "test" else (split,)
            own = {size: self.data.size(task, size) for size in sizes}
            shared = self.data.model_dump(include={"seed", "catalogue", "instructions"})
            return type(self.data)(source="demo").model_copy(update=own | shared)
        # Rows that belong to no dataset file do not affect this one.
        tolerate = tuple(kind for kind in self.data.tolerate if kind not in MISPLACED)
        labels = {} if self.takes_labels(task, split) else {"labels": None}
        return self.without_license().model_copy(update={"tolerate": tolerate} | labels)

    def without_license(self) -> DataSource:
        """The source without settings that affect only the data card."""
        data = self.data
        return data if isinstance(data, DemoData) else data.model_copy(update={"license": None})

    def ranked_by_output(self) -> tuple[str, ...]:
        """Ranking tasks without labels: relevance is derived from the output's order."""
        if isinstance(self.data, DemoData) or self.data.labels is not None:
            return ()
        return tuple(task for task in self._study.test_tasks if self.takes_labels(task, "test"))

    def is_labelled(self) -> bool:
        """Whether any dataset file takes relevance labels."""
        return any(self.takes_labels(task, "test") for task in self._study.test_tasks)

    def takes_labels(self, task: str, split: str) -> bool:
        """Whether the records of a dataset file take relevance labels."""
        return self._study.task(task).answer == "ranking" and split == "test"

    def title(self) -> str:
        """The source's name in tables and reports."""
        data = self.data
        if isinstance(data, HubData):
            local = Path(data.id).is_dir()
            return Path(data.id).name if local else f"{data.id} at {data.revision}"
        if isinstance(data, DemoData):
            return f"generated, seed {data.seed}"
        return Path(data.path).name

    def _derived_files(self) -> list[str]:
        study = self._study
        files = [path for task in study.settings.tasks for path in study.task_files(task)]
        return [*files, study.path(paths.DATA_CHECK)]

    def _content(self, result: str, labelled: bool, digests: Callable[[], Any]) -> str:
        """The parameter of a result; `digests` computes those of a source that is present."""
        manifest = manifest_of(Path(result))
        if manifest.is_file() and not self._is_present(labelled):
            return str(read_manifest(manifest).content)
        data = self.data
        content: Any = digests()
        if isinstance(data, HubData):
            content = [data.revision, *self._files_digest()] if self.files() else data.revision
        labels = getattr(data, "labels", None) if labelled else None
        return content_parameter(content, labels)

    def _digests(self, task: str, split: str) -> Callable[[], list[str]]:
        """The digests of a dataset file's source: of a local file, those of its own rows."""

        def digests() -> list[str]:
            if not isinstance(self.data, PathData):
                return self._files_digest()
            names = {task, *self._study.task(task).aliases}
            return self.rows.part_digests(names, split)

        return digests

    def _files_digest(self) -> list[str]:
        if isinstance(self.data, PathData):
            return self.rows.file_digests()
        files = list(map(Path, self.files()))
        if isinstance(self.data, HubData):
            files = [file for folder in files for file in data_files(folder)]
        return [sha256_of_file(file) for file in files]

    def _is_present(self, labelled: bool) -> bool:
        files = self.files()
        labels = getattr(self.data, "labels", None)
        # A pinned label file need not exist: its sha256 is known.
        if labels is not None and labels.sha256 is None and labelled:
            files = [*files, labels.path]
        return all(Path(path).exists() for path in files)


@cache
def source_of(study: Study) -> Source:
    """The study's data source; shared, since it is slow to read."""
    return Source(study)
