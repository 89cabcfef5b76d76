"""The study's data source: its files, and digests that tie results to its content."""

from functools import cache, cached_property
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.common.manifests import manifest_of, read_manifest
from ecslm.data.labels import no_label_file, planned_digest
from ecslm.data.problems import MISPLACED
from ecslm.data.settings import DataSource, HubData, Labels
from ecslm.data.source import IndexedRows, content_of, local_path, open_rows
from ecslm.plan.study import Study
from ecslm.schemas import paths


class Source:
    """The study's data source in its current state.

    A dataset file is named by its task and split; without these, all of them together are meant.
    """

    def __init__(self, study: Study) -> None:
        self._study = study
        self.data: DataSource = study.settings.data
        path = local_path(self.data)
        # Files or directories that records are built from; none for a hub data set.
        self._files = [] if path is None else [str(path)]

    def missing_files(self) -> list[str]:
        """Missing files of the source, and missing labels without a URL. They are not needed once
        the dataset files exist."""
        labels = self.labels()
        by_hand = [labels.path] if labels is not None and labels.url is None else []
        return _absent([*self._files, *by_hand])

    def check(self) -> None:
        """Check the files that records are built from before anything runs.

        Raises:
            InputError: a file cannot be read, or is missing while a dataset file has yet to be
                built from it, or while the results were made from one of another name.
        """
        study, missing = self._study, self.missing_files()
        built = [path for task in study.settings.tasks for path in study.task_files(task)]
        if missing and _absent([*built, study.path(paths.DATA_CHECK)]):
            self._refuse(missing)
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
        self._refuse(_absent(self._files))
        return open_rows(self.data, paths.CACHE)

    def count_rows(self, task: str, split: str) -> int:
        """The number of rows of a task and split in local files.

        Raises:
            InputError: a file is missing or cannot be read.
        """
        return sum(part.rows for part in self.rows.of(self._study.task_names(task), split))

    def content(self, task: str | None = None, split: str = "test") -> str:
        """Digest of the source rows of a dataset file, as a parameter.

        If the source is missing, for example since results were copied from another machine, the
        digest is that of the manifest of the file, or of the data's check.

        Raises:
            InputError: a local file is missing or cannot be read.
        """
        study, labels = self._study, self.labels(task, split)
        result = study.path(paths.DATA_CHECK) if task is None else study.dataset_file(task, split)
        manifest = manifest_of(Path(result))
        # A pinned label file need not exist: its sha256 is known.
        by_content = [labels.path] if labels is not None and labels.sha256 is None else []
        if manifest.is_file() and _absent([*self._files, *by_content]):
            return str(read_manifest(manifest).content)

        def digest() -> object:
            known = None if task is None else study.task_names(task)
            return self.rows.files if known is None else self.rows.content(known, split)

        return content_of(self.data, digest, None if labels is None else planned_digest(labels))

    def settings(self, task: str | None = None, split: str = "test") -> DataSource:
        """The source without settings that do not affect a dataset file."""
        # Rows that belong to no dataset file affect none. The order of names has no meaning.
        others = () if task is None else MISPLACED
        tolerate = tuple(sorted(set(self.data.tolerate).difference(others)))
        changes = {"license": None, "tolerate": tolerate, "labels": self.labels(task, split)}
        return self.data.model_copy(update=changes)

    def labels(self, task: str | None = None, split: str = "test") -> Labels | None:
        """The relevance labels, if a dataset file takes any: only test records of rankings do."""
        tasks = self._study.test_tasks if task is None else (task,)
        ranks = any(self._study.task(one).answer == "ranking" for one in tasks)
        return self.data.labels if ranks and split == "test" else None

    def ranked_by_output(self) -> tuple[str, ...]:
        """Ranking tasks without labels: relevance is derived from the output's order."""
        tasks = self._study.test_tasks if self.data.labels is None else ()
        return tuple(task for task in tasks if self._study.task(task).answer == "ranking")

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

    def _refuse(self, missing: list[str]) -> None:
        fix = "no such file: fix `data` of the study"
        lines = [f"{x}: {fix}" if x in self._files else no_label_file(Path(x)) for x in missing]
        if lines:
            raise InputError(*lines)


def _absent(files: list[str]) -> list[str]:
    return [path for path in files if not Path(path).exists()]


@cache
def source_of(study: Study) -> Source:
    """The study's data source; shared, since it is slow to read."""
    return Source(study)
