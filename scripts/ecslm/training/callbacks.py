"""Trainer callbacks: a progress display, and checkpoints at fixed intervals of time."""

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
    """A progress bar on a terminal; in the log, a line at intervals and for each evaluation."""

    def __init__(self) -> None:
        self._last = 0.0
        self._bar: Any = None

    def on_train_begin(self, _args: Any, state: Any, _control: Any, **_options: Any) -> None:
        """Start the bar, at the current step of a resumed training."""
        self._bar = tqdm(
            total=state.max_steps,
            initial=state.global_step,
            unit="step",
            disable=not sys.stderr.isatty(),
        )

    def on_step_end(self, _args: Any, _state: Any, _control: Any, **_options: Any) -> None:
        """Advance the bar."""
        self._bar.update(1)

    def on_train_end(self, _args: Any, _state: Any, _control: Any, **_options: Any) -> None:
        """Close the bar."""
        self._bar.close()

    def on_log(self, _args: Any, state: Any, _control: Any, logs: Any, **_options: Any) -> None:
        """Show what the Trainer has just logged."""
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
    """Saves a checkpoint every `seconds`, in addition to those at evaluations."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._last = seconds, time.monotonic()

    def on_step_end(self, _args: Any, _state: Any, control: Any, **_options: Any) -> None:
        """Request a checkpoint when one is due."""
        if time.monotonic() - self._last >= self._seconds:
            control.should_save = True

    def on_save(self, _args: Any, _state: Any, _control: Any, **_options: Any) -> None:
        """Restart the interval at every checkpoint."""
        self._last = time.monotonic()


def last_checkpoint(folder: Path) -> str | None:
    """The newest complete checkpoint; newer ones that a kill left incomplete are removed."""
    steps = sorted(folder.glob("checkpoint-*/"), key=lambda path: int(path.name.split("-")[1]))
    for checkpoint in reversed(steps):
        try:
            # The Trainer writes its state last, so a readable state means a complete checkpoint.
            read_json(checkpoint / "trainer_state.json")
        except InputError:
            shutil.rmtree(checkpoint)
        else:
            return str(checkpoint)
    return None
