"""One run of Snakemake in this directory: checks before it, records, and clean-up after it."""

import contextlib
import logging
import shutil
import time
from collections.abc import Callable, Container, Sequence
from pathlib import Path

from ecslm.common.cache_entries import size_limit
from ecslm.common.errors import InputError, all_of
from ecslm.common.files import read_json
from ecslm.common.hashing import load_digests, save_digests, sha256_of_file
from ecslm.common.locks import held
from ecslm.data.checking import cached_report
from ecslm.data.settings import PathData
from ecslm.data.sources.index import INDEX, Index
from ecslm.data.sources.labels import read_labels
from ecslm.data.sources.protocol import source_module
from ecslm.fingerprint.running import code_parameter
from ecslm.plan.bases import check_base_folders
from ecslm.plan.jobs import check_settings
from ecslm.plan.source import source_of
from ecslm.plan.study import Study
from ecslm.provenance.api_keys import check_api_keys
from ecslm.provenance.code_history import record_code
from ecslm.provenance.dag import Job
from ecslm.provenance.disk import check_disk
from ecslm.provenance.finished_results import keep_results, trim_results
from ecslm.provenance.integrity import check_inputs, check_results
from ecslm.provenance.results_folder import check_results_folder, os_errors_told
from ecslm.provenance.snakemake_records import check_recorded, unfinished_results
from ecslm.schemas.paths import CACHE, DATA_CHECK, DIGESTS, RUN_LOCK, SERVER_ANSWERS

log = logging.getLogger(__name__)


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
        check_results_folder(study.name)
        self._limit = size_limit()
        self._started = time.time()
        load_digests(DIGESTS)
        with os_errors_told():
            _discard_garbage()

    def check(self, jobs: Sequence[Job]) -> None:
        """Check the results before anything uses them.

        Raises:
            InputError: results or their inputs were modified, or are not recorded.
        """
        with os_errors_told():
            self._made = made = [job for job in jobs if Path(job.manifest).exists()]
            unfinished = unfinished_results(made)
            check_results(made, unfinished)
            check_inputs(made, unfinished)
            save_digests(DIGESTS)
            check_recorded(self._study.name, made, unfinished)

    def check_data(self, due: Container[str]) -> None:
        """Check the data source, if jobs are going to read it.

        Args:
            due: files that the run is going to write.

        Raises:
            InputError: it is not there, or its rows cannot be used.
        """
        _check_source(self._study, due)
        _check_local_data(self._study, due)

    def begin(self, due: Container[str], check_machine: Callable[[], None]) -> None:
        """Lock the results directory, keep its results in the cache, and record the code.

        Args:
            due: files that the run is going to write.
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
            lambda: check_base_folders(self._study, due),
            lambda: check_api_keys(self._study, due),
            check_machine,
        )
        with os_errors_told():
            # In place of Snakemake's own lock, which a killed run leaves behind. Jobs that this run
            # has planned may be done already if another one has held it since this one began.
            self._lock.enter_context(held(RUN_LOCK, "results", wait=False, since=self._started))
            keep_results(self._made, unfinished_results(self._made))
            record_code()

    def end(self) -> None:
        """Keep the cache of finished results within its limit; release the lock."""
        trim_results(self._limit)
        self._lock.close()


def _check_source(study: Study, due: Container[str]) -> None:
    """Refuse to rebuild dataset files and the check of their source without the source's files.

    Snakemake deletes a result before it rebuilds it, so existing ones would be lost.

    Args:
        due: files that the run is going to write.

    Raises:
        InputError: a file of the data source is missing, and one of these must be rebuilt.
    """
    missing = source_of(study).missing_files()
    made = (path for task in study.settings.tasks for path in study.task_files(task))
    rebuilt = [path for path in (study.path(DATA_CHECK), *made) if path in due]
    if missing and rebuilt:
        raise InputError(
            *(
                f"{path}: no such file, but {rebuilt[0]} must be rebuilt (`make why "
                f"STUDY={study.name}` says why): restore it, or fix `data` of the study"
                for path in missing
            )
        )


def _check_local_data(study: Study, due: Container[str]) -> None:
    """Check every row of local data before anything runs, unless the report on them is current.

    So all problems of a broken file are reported at once, and no result is deleted. The job that
    writes the report takes it from the cache.

    Args:
        due: files that the run is going to write.

    Raises:
        InputError: rows cannot be used, and their problems are not tolerated.
    """
    data = source_of(study).data
    if not isinstance(data, PathData) or study.path(DATA_CHECK) not in due:
        return
    # Labels that are not here are fetched by the job; a dry run must not.
    labels_lack = data.labels is not None and not Path(data.labels.path).exists()
    if labels_lack or source_of(study).missing_files():
        return
    settings = check_settings(study)
    code = code_parameter("check_data.py", (source_module(data.source),))
    labels = read_labels(data.labels).rows if settings.ranked and data.labels else None
    cached_report(CACHE, source_of(study).rows, settings, labels, code)


def _discard_garbage() -> None:
    """Remove indexes of data that are broken or altered, so that they stop no run: they are made
    again. Jobs verify all else that they read from the cache themselves."""
    for path in CACHE.glob(f"*/{INDEX}"):
        # Answers of servers may have been paid for.
        if path.parent != SERVER_ANSWERS and not _is_sound(path.parent):
            log.warning("cache: %s: damaged: removed, made again where it is needed", path.parent)
            # A run beside this one may have removed it too, as an index of former data.
            shutil.rmtree(path.parent, ignore_errors=True)


def _is_sound(folder: Path) -> bool:
    """Whether an index of data is as it was written. Only what has changed is hashed."""
    with contextlib.suppress(InputError, ValueError, OSError):
        index = Index.model_validate(read_json(folder / INDEX))
        return index.digest == index.content_digest() and all(
            sha256_of_file(folder / name) == digest
            for part in index.parts
            for name, digest in ((part.file, part.sha256), (part.places, part.places_sha256))
        )
    return False
