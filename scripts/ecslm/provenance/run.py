"""One run of Snakemake in this directory: checks before it, records, and the cache of finished
results before and after it."""

import contextlib
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

from ecslm.common.errors import InputError, all_of
from ecslm.common.hashing import load_digests, save_digests, sha256_of_file
from ecslm.common.locks import held
from ecslm.common.manifests import read_manifest
from ecslm.common.results_cache import Entry, ResultsCache, size_limit, trim
from ecslm.data.checking import check_rows
from ecslm.data.labels import read_labels
from ecslm.data.source import local_path
from ecslm.plan.inputs import check_base_folders, source_of
from ecslm.plan.jobs import check_settings
from ecslm.plan.study import Study
from ecslm.provenance.checks import check_api_keys, check_disk, check_results_folder
from ecslm.provenance.dag import Job
from ecslm.provenance.results import check_results, finished
from ecslm.provenance.why import record_code
from ecslm.schemas.paths import DIGESTS, RUN_LOCK

# Rules whose results are kept, and the folders of these; the names of their outputs are those of
# the files in the cache.
KEPT = {"train_adapter": "adapters", "predict": "predictions", "bertscore": "bertscore"}


class Run:
    """Everything that a run does in addition to its jobs."""

    def __init__(self, study: Study) -> None:
        """Raises:
        InputError: there is no folder for results, or it cannot be used; or the size limit of
            the cache is not a number.
        """
        self._study = study
        self._made: Sequence[Job] = ()
        self._lock = contextlib.ExitStack()
        # Before anything reads results, as checks of the plan do.
        check_results_folder()
        self._limit = size_limit()
        self._started = time.time()
        load_digests(DIGESTS)

    def check(self, jobs: Iterable[Job]) -> None:
        """Check the results before anything uses them.

        Raises:
            InputError: see `check_results`.
        """
        self._made = finished(jobs)
        try:
            check_results(self._study.name, self._made)
        finally:
            # Hashing takes long, and a run that is refused is repeated.
            save_digests(DIGESTS)

    def check_data(self, due: Collection[Job]) -> None:
        """Check the data source, if jobs are going to read it.

        Snakemake deletes a result before it makes it again, so without the source existing ones
        would be lost. All rows of local data are checked, so that all problems of a broken file are
        reported at once.

        Raises:
            InputError: it is not there, or its rows cannot be used and are not tolerated.
        """
        study, source = self._study, source_of(self._study)
        made = [job for job in due if job.rule in ("check_data", "dataset")]
        if made and (missing := source.missing_files()):
            why = f"{made[0].manifest} must be rebuilt (`make why STUDY={study.name}` says why)"
            told = f"no such file, but {why}: restore it, or fix `data` of the study"
            raise InputError(*(f"{path}: {told}" for path in missing))
        labels = source.labels()
        checks = local_path(source.data) and any(job.rule == "check_data" for job in due)
        # Labels that are not here are fetched by the job; a dry run must not.
        if checks and (labels is None or Path(labels.path).exists()):
            check_rows(source.rows, check_settings(study), read_labels(labels))

    def begin(self, due: Collection[Job], check_machine: Callable[[], None]) -> None:
        """Lock the results directory, keep its results in the cache, and record the code.

        Args:
            due: the jobs of the run.
            check_machine: checks that the jobs could run here.

        Raises:
            InputError: the data cannot be used, or results do not fit on the disk, or weights for
                them are not there, or a key is missing to ask a server for them, or the machine
                lacks something, or another run holds the lock, or has held it since this one began
                its checks.
        """
        all_of(
            lambda: self.check_data(due),
            lambda: check_disk(self._study, due),
            lambda: check_base_folders(self._study, {path for job in due for path in job.files}),
            lambda: check_api_keys(self._study, due),
            check_machine,
        )
        # In place of Snakemake's own lock, which a killed run leaves behind. Jobs that this run has
        # planned may be done already if another one has held it since this one began.
        self._lock.enter_context(held(RUN_LOCK, "results", wait=False, since=self._started))
        keep_results(self._made)
        record_code()

    def end(self) -> None:
        """Keep the cache of finished results within its limit; release the lock."""
        trim(ResultsCache(), self._limit)
        self._lock.close()


def keep_results(jobs: Iterable[Job]) -> None:
    """Put results that are not in the cache into it: adopted ones, and all if it was deleted.

    Snakemake deletes results before it runs their job, and the run may be stopped, or what was
    edited put back. Only results whose manifest has the key of the cache are kept.

    Args:
        jobs: those whose manifests exist.
    """
    cache = ResultsCache()
    for job in (job for job in jobs if job.rule in KEPT):
        made = read_manifest(Path(job.manifest))
        files = {name: Path(path) for name, (path,) in job.outputs.items() if name != "manifest"}
        # A file that no job needs may have been deleted.
        exist = all(path.exists() for path in files.values())
        if made.action is None or cache.has(made.action) or not exist:
            continue
        # Those of the manifest: an altered file will not be taken as sound.
        sums = {
            name: made.files.get(path.name) or sha256_of_file(path) for name, path in files.items()
        }
        entry = Entry(
            key=made.action,
            step=job.rule,
            made_for=job.manifest,
            fields=made.model_extra or {},
            files=sums,
        )
        cache.put(entry, files)
