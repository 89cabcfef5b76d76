"""Checkpoints of a training: when they are made, and whether they are still as they were made."""

import logging
import os
import re
import shutil
import time
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from ecslm.common.errors import InputError
from ecslm.common.files import read_json, write_json
from ecslm.common.hashing import sha256_of_file
from ecslm.training.processes import Processes

log = logging.getLogger(__name__)

# The file of a checkpoint with the sha256 of its other files, written last.
DIGESTS = "sha256.json"
# The Trainer's own file of what it has logged.
STATE = "trainer_state.json"
# The newest ones that are kept, in addition to the best one.
KEPT = 2


class Checkpoints(TrainerCallback):
    """Completes each checkpoint with the digests of its files, and removes old ones.

    Checkpoints are made at evaluations, and at least every `seconds`. Of several processes all
    make them at the same step, and the first completes and removes them.
    """

    def __init__(self, seconds: float, processes: Processes) -> None:
        self._seconds, self._last = seconds, time.monotonic()
        self._processes = processes

    def on_train_begin(self, args: Any, state: Any, _control: Any, **_options: Any) -> None:
        """Find the best checkpoint of a resumed training, whose directory may have been moved."""
        if state.best_global_step:
            state.best_model_checkpoint = str(_path(Path(args.output_dir), state.best_global_step))

    def on_step_end(self, _args: Any, _state: Any, control: Any, **_options: Any) -> None:
        """Request a checkpoint when one is due."""
        if self._processes.agreed(time.monotonic() - self._last >= self._seconds):
            control.should_save = True

    def on_save(self, args: Any, state: Any, _control: Any, **_options: Any) -> None:
        """Complete the new checkpoint; only then remove old ones."""
        folder = Path(args.output_dir)
        # Each process has written the state of its own random numbers.
        self._processes.wait()
        if self._processes.first:
            _complete(_path(folder, state.global_step))
            kept = [*_steps(folder)[-KEPT:], state.best_global_step]
            for step in _steps(folder):
                if step not in kept:
                    shutil.rmtree(_path(folder, step))
        # All may load the best one next, after checking it.
        self._processes.wait()
        self._last = time.monotonic()


def last_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that is whole, and whose best checkpoint is whole; None if there is
    none. Newer ones are removed.

    Without its best checkpoint a training would end with another adapter.
    """
    for step in reversed(_steps(folder)):
        checkpoint = _path(folder, step)
        problem = _problem(checkpoint)
        if problem is None:
            return checkpoint
        log.warning("%s: removed: %s", checkpoint, problem)
        shutil.rmtree(checkpoint)
    return None


def logged_budget(checkpoint: Path | None) -> int | None:
    """The token budget that a training had when it made a checkpoint; None without one."""
    if checkpoint is None:
        return None
    history = read_json(checkpoint / STATE)["log_history"]
    return int(history[-1]["batch_tokens"]) if history else None


def is_whole(checkpoint: Path) -> bool:
    """Whether a checkpoint has all of its files, as they were written, and no others."""
    try:
        digests = read_json(checkpoint / DIGESTS)
        return bool(digests == _digests(checkpoint))
    except (InputError, OSError):
        return False


def _problem(checkpoint: Path) -> str | None:
    """Why a training cannot continue from a checkpoint; None if it can."""
    if not is_whole(checkpoint):
        return "incomplete or damaged"
    best = read_json(checkpoint / STATE)["best_global_step"]
    if best and not is_whole(_path(checkpoint.parent, best)):
        return f"the best checkpoint before it, of step {best}, is missing, incomplete or damaged"
    return None


def _complete(checkpoint: Path) -> None:
    """Write the digests once all other files are on the disk."""
    for path in checkpoint.iterdir():
        _flush(path)
    write_json(checkpoint / DIGESTS, _digests(checkpoint))
    _flush(checkpoint)
    _flush(checkpoint.parent)


def _digests(checkpoint: Path) -> dict[str, str]:
    files = (path for path in checkpoint.iterdir() if path.name != DIGESTS)
    return {path.name: sha256_of_file(path) for path in files}


def _flush(path: Path) -> None:
    """Have a file, or the names in a directory, written to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _path(folder: Path, step: int) -> Path:
    return folder / f"checkpoint-{step}"


def _steps(folder: Path) -> list[int]:
    """The steps that have a checkpoint, in order."""
    names = [path.name for path in folder.glob("checkpoint-*/")]
    found = (re.fullmatch(r"checkpoint-([1-9][0-9]*)", name) for name in names)
    return sorted(int(match[1]) for match in found if match)
