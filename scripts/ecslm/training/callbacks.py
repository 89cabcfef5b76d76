"""What watches a training: progress for people, and checkpoints by the clock."""

import logging
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from tqdm import tqdm
from transformers import TrainerCallback

from ecslm.common.errors import InputError
from ecslm.common.files import read_json

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 20.0


class Progress(TrainerCallback):
    """A bar on a terminal; in the log a line from time to time, and one for each evaluation."""

    def __init__(self) -> None:
        self._last = 0.0
        self._bar: Any = None

    def on_train_begin(self, _args: Any, state: Any, _control: Any, **_options: Any) -> None:
        """Start the bar where a resumed training stands."""
        self._bar = tqdm(
            total=state.max_steps,
            initial=state.global_step,
            unit="step",
            disable=not sys.stderr.isatty(),
        )

    def on_step_end(self, _args: Any, _state: Any, _control: Any, **_options: Any) -> None:
        """One step more."""
        self._bar.update(1)

    def on_train_end(self, _args: Any, _state: Any, _control: Any, **_options: Any) -> None:
        """Leave the bar as it stands."""
        self._bar.close()

    def on_log(self, _args: Any, state: Any, _control: Any, logs: Any, **_options: Any) -> None:
        """Report what the Trainer has just logged."""
        if "eval_loss" in logs:
            log.info("step %d: evaluation loss %.4f", state.global_step, logs["eval_loss"])
        elif "loss" in logs:
            self._bar.set_postfix(loss=f"{logs['loss']:.4f}", refresh=False)
            if time.monotonic() - self._last >= SECONDS_BETWEEN_LINES:
                self._last = time.monotonic()
                log.info(
                    "step %d of %d: loss %.4f, %d tokens, %.0f tokens/s",
                    state.global_step,
                    state.max_steps,
                    logs["loss"],
                    logs["tokens"],
                    logs["tokens"] / logs["seconds"],
                )


class TimedCheckpoints(TrainerCallback):
    """A checkpoint every so many seconds, beside those at evaluations."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._last = seconds, time.monotonic()

    def on_step_end(self, _args: Any, _state: Any, control: Any, **_options: Any) -> None:
        """Ask for a checkpoint when one is due."""
        if time.monotonic() - self._last >= self._seconds:
            control.should_save = True

    def on_save(self, _args: Any, _state: Any, _control: Any, **_options: Any) -> None:
        """Any checkpoint counts."""
        self._last = time.monotonic()


def last_checkpoint(folder: Path) -> str | None:
    """The newest whole checkpoint; those that a kill left unfinished are removed."""
    steps = sorted(folder.glob("checkpoint-*/"), key=lambda path: int(path.name.split("-")[1]))
    for checkpoint in reversed(steps):
        try:
            # The Trainer writes its state last, so a readable state means a whole checkpoint.
            read_json(checkpoint / "trainer_state.json")
        except InputError:
            shutil.rmtree(checkpoint)
        else:
            return str(checkpoint)
    return None
