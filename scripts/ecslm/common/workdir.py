"""The work directory of a long job: it survives a kill, and one process at a time may use it."""

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
    """Unfinished work of a job, later a copy of its results.

    If Snakemake did not see a job end, it deletes the results and reruns the job. So a job keeps a
    copy of its results here, and the rerun restores them instead of computing them again.
    `clear_finished` removes the copies after a run.
    """

    folder: Path
    results: Mapping[str, Path]
    keep: bool

    def restored(self) -> bool:
        """Restore the finished results; returns False if there are none."""
        finished = self.folder / FINISHED
        # A copy is incomplete if its removal was interrupted.
        if not all((finished / name).is_file() for name in self.results):
            shutil.rmtree(finished, ignore_errors=True)
            return False
        log.info("already finished: %s", ", ".join(map(str, self.results.values())))
        self._place(finished)
        return True

    def publish(self, made: Path) -> None:
        """Copy the files of the directory `made`, one for each name in `results`, to their paths.
        `made` is kept as the finished copy; all other work is removed."""
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
    """The work directory of a job, locked while the block runs.

    Its name contains the last result's name and a digest of `made_from`, which is everything that
    determines the results. So work that began with other settings, code or data is never continued:
    directories with another digest are removed. While another process holds the lock, for example a
    job that outlived its Snakemake, this waits and logs it.

    Args:
        results: paths of the results by name, in the order in which they are written.
        keep: whether to keep unfinished work and a copy of the finished results for a job that is
            run again. It must be false if `made_from` lacks the code: a job run again by hand,
            after an edit, would continue or restore what the old code made.
    """
    output = list(results.values())[-1]
    root = output.parent / "work"
    with held(root / f"{output.name}.lock", str(output), wait=True):
        folder = root / f"{output.name}.{sha256_of_text(canonical_json(made_from))[:16]}"
        for leftover in root.glob(f"{output.name}.*/"):
            if leftover != folder or not keep:
                shutil.rmtree(leftover)
        folder.mkdir(exist_ok=True)
        yield Work(folder, results, keep)


def clear_finished(results: Path, unfinished: Container[str]) -> None:
    """Remove the copies of finished results that jobs under `results` have kept.

    Unfinished work stays. A copy also stays if its result does not exist, or if Snakemake did not
    see its job end and will delete the result: those are in `unfinished`.
    """
    for finished in results.glob(f"**/work/*/{FINISHED}"):
        folder = finished.parent
        # The name is that of the result and a digest, see `work_folder`.
        result = folder.parent.parent / folder.name.rpartition(".")[0]
        if result.exists() and str(result) not in unfinished:
            shutil.rmtree(folder)
