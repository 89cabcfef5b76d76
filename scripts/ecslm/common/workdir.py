"""The work folder of a long job: what it has finished, kept over a kill, owned by one process."""

import logging
import shutil
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ecslm.common.files import copy_file, remove_temporaries
from ecslm.common.hashing import canonical_json, sha256_of_text
from ecslm.common.locks import held

log = logging.getLogger(__name__)

FINISHED = "finished"


@dataclass(frozen=True)
class Work:
    """Unfinished work on a job's results; then the finished results, until they are recorded.

    Snakemake deletes the results of a job that it did not see end, and runs the job again. So a job
    leaves a copy of its results here, and the next one takes them instead of working again.
    `clear_finished` removes the copies after a run.
    """

    folder: Path
    results: Mapping[str, Path]
    keep: bool

    def restored(self) -> bool:
        """Put the finished results into place, if there are any."""
        finished = self.folder / FINISHED
        # Deleting a copy may have been interrupted.
        if not all((finished / name).is_file() for name in self.results):
            shutil.rmtree(finished, ignore_errors=True)
            return False
        log.info("finished before: %s", ", ".join(map(str, self.results.values())))
        self._place(finished)
        return True

    def publish(self, made: Path) -> None:
        """Put the results into place: copies of the files of the folder `made`, which are called by
        the names in `results`. `made` is kept as finished; what else the work folder has goes."""
        finished = made.rename(self.folder / FINISHED)
        self._place(finished)
        if not self.keep:
            shutil.rmtree(self.folder)
            return
        for path in self.folder.iterdir():
            if path.is_dir() and path != finished:
                shutil.rmtree(path)
            elif path.is_file():
                path.unlink()

    def _place(self, finished: Path) -> None:
        for name, path in self.results.items():
            remove_temporaries(path)
            copy_file(finished / name, path)


@contextmanager
def work_folder(results: Mapping[str, Path], made_from: object, keep: bool) -> Iterator[Work]:
    """A folder for work on some results, locked while the block runs.

    It lies beside the last result and is named after it and a digest of `made_from`, everything
    that decides the results, so that work begun under other settings, code or data is never
    continued: folders with another digest are such leftovers and are removed. While another process
    has the lock, for example a job that outlived its Snakemake, this waits for it and says so.

    Args:
        results: the files to be made by name, in the order in which they are put into place.
        keep: whether a copy of the finished results stays. It must not where `made_from` lacks the
            code: a job run by hand again, after an edit, would take the old results.
    """
    output = list(results.values())[-1]
    root = output.parent / "work"
    with held(root / f"{output.name}.lock", str(output), wait=True):
        folder = root / f"{output.name}.{sha256_of_text(canonical_json(made_from))[:16]}"
        for leftover in root.glob(f"{output.name}.*/"):
            if leftover != folder:
                shutil.rmtree(leftover)
        folder.mkdir(exist_ok=True)
        yield Work(folder, results, keep)


def clear_finished(results: Path, unfinished: Container[str]) -> None:
    """Remove what jobs under `results` have kept of finished work; unfinished work stays.

    So do copies of results that are not in place, or that Snakemake has not seen the end of and
    will delete: those among `unfinished`.
    """
    for finished in results.glob(f"**/work/*/{FINISHED}"):
        folder = finished.parent
        # Named after the result and a digest, see `work_folder`.
        result = folder.parent.parent / folder.name.rpartition(".")[0]
        if result.exists() and str(result) not in unfinished:
            shutil.rmtree(folder)
