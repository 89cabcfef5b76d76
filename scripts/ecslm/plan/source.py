"""The study's data source: its files, and digests that tie results to its content."""

from collections.abc import Callable
from functools import cache, cached_property
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.common.manifests import manifest_of, read_manifest
from ecslm.data.index import IndexedRows
from ecslm.data.labels import no_label_file, planned_digest
from ecslm.data.problems import MISPLACED
from ecslm.data.settings import DataSource, HubData
from ecslm.data.source import content_of, local_path, open_rows
from ecslm.plan.study import Study
from ecslm.schemas import paths


class Source:
    """The study's data source in its current state."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self.data: DataSource = study.settings.data

    def missing_files(self) -> list[str]:
        """Missing files of the source, and missing labels without a URL. They are not needed once
        the dataset files exist."""
        labels = self.data.labels
        by_hand = labels is not None and labels.url is None and self.is_labelled()
        return _absent([*self._files, *([labels.path] if labels and by_hand else [])])

    def check(self) -> None:
        """Check the files that records are built from before anything runs.

        Raises:
            InputError: a file cannot be read, or is missing while a dataset file has yet to be
                built from it, or while the results were made from one of another name.
        """
        study, missing = self._study, self.missing_files()
        built = [path for task in study.settings.tasks for path in study.task_files(task)]
        if missing and _absent([*built, study.path(paths.DATA_CHECK)]):
            raise InputError(*map(self._missing, missing))
        made = Path(study.path(paths.REPORT_MANIFEST))
        settings = read_manifest(made).settings if made.is_file() else {}
        before = settings.get("context", {}).get("data", {}).get("source", self.title())
        if missing and before != self.title():
            raise InputError(
                f"studies.{study.name}.data: {missing[0]}: no such file, and the results are "
                f"of {before}: name that, or put the file there"
            )
        if self._files and not missing:
            _ = self.rows

    @cached_property
    def rows(self) -> IndexedRows:
        """The rows of local data. All files are read to verify that the index is current.

        Raises:
            InputError: a file is missing or cannot be read.
        """
        if missing := _absent(self._files):
            raise InputError(*map(self._missing, missing))
        return open_rows(self.data, paths.CACHE)

    def content_of_split(self, task: str, split: str) -> str:
        """Digest of the source rows of a dataset file, as a parameter.

        If the source is missing, for example since results were copied from another machine, the
        digest is that of the dataset file's manifest.

        Raises:
            InputError: a local file is missing or cannot be read.
        """
        return self._content(
            self._study.dataset_file(task, split),
            self._takes_labels(task, split),
            lambda: self.rows.content(self._study.task_names(task), split),
        )

    def content_of_all(self) -> str:
        """Digest of all rows of the source, as a parameter; see `content_of_split`.

        Raises:
            InputError: a local file is missing or cannot be read.
        """
        check = self._study.path(paths.DATA_CHECK)
        return self._content(check, self.is_labelled(), lambda: self.rows.files)

    def count_rows(self, task: str, split: str) -> int:
        """The number of rows of a task and split in local files.

        Raises:
            InputError: a file is missing or cannot be read.
        """
        return sum(part.rows for part in self.rows.of(self._study.task_names(task), split))

    def for_split(self, task: str, split: str) -> DataSource:
        """The source without settings that affect only other dataset files."""
        whole = self._for_records(self._takes_labels(task, split))
        # Rows that belong to no dataset file do not affect this one.
        tolerate = tuple(kind for kind in whole.tolerate if kind not in MISPLACED)
        return whole.model_copy(update={"tolerate": tolerate})

    def for_check(self) -> DataSource:
        """The source without settings that affect only the data card."""
        return self._for_records(self.is_labelled())

    def ranked_by_output(self) -> tuple[str, ...]:
        """Ranking tasks without labels: relevance is derived from the output's order."""
        tasks = self._study.test_tasks if self.data.labels is None else ()
        return tuple(task for task in tasks if self._takes_labels(task, "test"))

    def title(self) -> str:
        """The source's name in tables and reports."""
        data = self.data
        if isinstance(data, HubData):
            local = Path(data.id).is_dir()
            return Path(data.id).name if local else f"{data.id} at {data.revision}"
        name = Path(data.path).name
        if data.split is None:
            return name
        return f"{name}, split by input ({data.split.val:.3g} val, {data.split.test:.3g} test)"

    @property
    def _files(self) -> list[str]:
        """Files or directories that records are built from; none for a hub data set."""
        path = local_path(self.data)
        return [] if path is None else [str(path)]

    def _missing(self, path: str) -> str:
        if path in self._files:
            return f"{path}: no such file: fix `data` of the study"
        return no_label_file(Path(path))

    def is_labelled(self) -> bool:
        """Whether any dataset file takes relevance labels."""
        return any(self._takes_labels(task, "test") for task in self._study.test_tasks)

    def _takes_labels(self, task: str, split: str) -> bool:
        return self._study.task(task).answer == "ranking" and split == "test"

    def _for_records(self, labelled: bool) -> DataSource:
        labels = self.data.labels if labelled else None
        # Their order has no meaning.
        tolerate = tuple(sorted(self.data.tolerate))
        return self.data.model_copy(
            update={"license": None, "tolerate": tolerate, "labels": labels}
        )

    def _content(self, result: str, labelled: bool, digest: Callable[[], object]) -> str:
        """The parameter of a result; `digest` gives that of a source that is present."""
        manifest = manifest_of(Path(result))
        labels = self.data.labels if labelled else None
        # A pinned label file need not exist: its sha256 is known.
        by_content = [labels.path] if labels is not None and labels.sha256 is None else []
        if manifest.is_file() and _absent([*self._files, *by_content]):
            return str(read_manifest(manifest).content)
        return content_of(self.data, digest, None if labels is None else planned_digest(labels))


def _absent(files: list[str]) -> list[str]:
    return [path for path in files if not Path(path).exists()]


@cache
def source_of(study: Study) -> Source:
    """The study's data source; shared, since it is slow to read."""
    return Source(study)
