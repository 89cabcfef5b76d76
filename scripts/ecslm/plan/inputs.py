"""What a study is made from: its data source, with digests that tie results to its content, and the
files of its bases."""

from collections.abc import Container, Iterable
from functools import cache, cached_property
from pathlib import Path

from ecslm.common.errors import InputError, refuse
from ecslm.common.files import read_model
from ecslm.common.manifests import manifest_of, read_manifest
from ecslm.data.problems import MISPLACED
from ecslm.data.settings import DataSource, HubData, Labels
from ecslm.data.source import IndexedRows, content_of, local_path, open_rows
from ecslm.models.bases import BaseManifest, PathSource
from ecslm.models.fetching import require_model
from ecslm.plan.study import Study
from ecslm.schemas import paths

NOT_THERE = "no such file: fix `data` of the study"


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
        tasks = study.test_tasks
        self._ranked = tuple(one for one in tasks if study.task(one).answer == "ranking")

    def missing_files(self) -> list[str]:
        """Missing files of the source, and missing labels without a URL. They are not needed once
        the dataset files exist."""
        labels = self.labels()
        return _absent([*self._files, *([labels.path] if labels and not labels.url else [])])

    def check(self) -> None:
        """Check the files that records are built from before anything runs.

        Raises:
            InputError: a file cannot be read, or is missing while a dataset file has yet to be
                built from it, or while the results were made from one of another name.
        """
        study, missing = self._study, self.missing_files()
        files = [(task, split) for task in study.settings.tasks for split in study.splits(task)]
        built = [study.path(paths.DATA_CHECK), *(study.dataset_file(*one) for one in files)]
        if missing and _absent(built):
            raise InputError(*(f"{path}: {NOT_THERE}" for path in missing))
        made = Path(study.path(paths.REPORT_MANIFEST))
        settings = read_manifest(made).settings if made.is_file() else {}
        before = settings.get("context", {}).get("data", {}).get("source", self.title())
        if missing and before != self.title():
            absent = f"studies.{study.name}.data: {missing[0]}: no such file"
            fix = "name that, or put the file there"
            raise InputError(f"{absent}, and the results are of {before}: {fix}")
        if self._files and not missing:
            _ = self.rows

    @cached_property
    def rows(self) -> IndexedRows:
        """The rows of local data. All files are read to verify that the index is current.

        Raises:
            InputError: a file is missing or cannot be read.
        """
        refuse(f"{path}: {NOT_THERE}" for path in _absent(self._files))
        return open_rows(self.data, paths.CACHE)

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
        by_content = [labels.path] if labels and labels.sha256 is None else []
        if manifest.is_file() and _absent([*self._files, *by_content]):
            return str(read_manifest(manifest).content)

        def digest() -> object:
            names = None if task is None else study.task_names(task)
            return self.rows.files if names is None else self.rows.content(names, split)

        return content_of(self.settings(task, split), digest)

    def settings(self, task: str | None = None, split: str = "test") -> DataSource:
        """The source without settings that do not affect a dataset file."""
        # Rows that belong to no dataset file affect none. The order of names has no meaning.
        others = () if task is None else MISPLACED
        tolerate = tuple(sorted(set(self.data.tolerate).difference(others)))
        changes = {"license": None, "tolerate": tolerate, "labels": self.labels(task, split)}
        return self.data.model_copy(update=changes)

    def labels(self, task: str | None = None, split: str = "test") -> Labels | None:
        """The relevance labels, if a dataset file takes any: only test records of rankings do."""
        ranked = task in self._ranked if task else bool(self._ranked)
        return self.data.labels if ranked and split == "test" else None

    def ranked_by_output(self) -> tuple[str, ...]:
        """Ranking tasks without labels: relevance is derived from the output's order."""
        return () if self.data.labels else self._ranked

    def title(self) -> str:
        """The source's name in tables and reports."""
        data, path = self.data, local_path(self.data)
        if path is None:
            return f"{data.id} at {data.revision}"  # type: ignore[union-attr]
        if isinstance(data, HubData) or data.split is None:
            return path.name
        return f"{path.name}, split by input ({data.split.val:.3g} val, {data.split.test:.3g} test)"


def _absent(files: Iterable[str]) -> list[str]:
    return [path for path in files if not Path(path).exists()]


@cache
def source_of(study: Study) -> Source:
    """The study's data source; shared, since it is slow to read."""
    return Source(study)


def files_of_base(study: Study, base: str) -> Path | None:
    """The directory of a base's files if all of them are there, as configured now.

    Raises:
        InputError: the manifest is invalid.
    """
    source, manifest = study.config.bases[base], Path(study.base(base))
    if isinstance(source, PathSource) and any(Path(source.path).glob("*.safetensors")):
        return Path(source.path)
    if not manifest.exists():
        return None
    made = read_model(manifest, BaseManifest)
    folder = made.location(manifest)
    # Weights of another source are fetched again.
    fetched = made.source == source and all((folder / name).exists() for name in made.files)
    return folder if fetched else None


def check_base_folders(study: Study, due: Container[str]) -> list[str]:
    """The directories that jobs are going to read weights from, once each is found to have a model.

    Those of bases that have been read are left out: jobs that load them may find their results in
    the cache. So are those that a run does not read, as one that makes dataset files alone.

    Args:
        due: files that the run is going to write.

    Raises:
        InputError: a line for each thing that one lacks.
    """
    folders: list[str] = []
    problems: list[str] = []
    for base, source in study.config.bases.items():
        if isinstance(source, PathSource) and study.base(base) in due:
            folders.append(source.path)
            try:
                require_model(Path(source.path), source.path)
            except InputError as error:
                fix = f"put the model there, or set `run: false` for the models on {base}"
                problems += [f"bases.{base}.path: {one}: {fix}" for one in error.problems]
    if problems:
        raise study.content.located(InputError(*problems))
    return folders
