"""Shows the progress of a training. Nothing here may change the adapter."""

import logging
import sys
import time
from typing import Any

from tqdm import tqdm
from transformers import TrainerCallback

from ecslm.schemas.metrics_file import CONSTANT_SHARE

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 20.0
# Validation records of a task, below which answers may begin alike by chance.
FEWEST = 10


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
            # Of several processes, one tells of all.
            disable=not (sys.stderr.isatty() and state.is_world_process_zero),
        )

    def on_step_end(self, _args: Any, _state: Any, _control: Any, **_options: Any) -> None:
        """Advance the bar."""
        self._bar.update(1)

    def on_train_end(self, _args: Any, _state: Any, _control: Any, **_options: Any) -> None:
        """Close the bar."""
        self._bar.close()

    def on_log(self, _args: Any, state: Any, _control: Any, logs: Any, **_options: Any) -> None:
        """Show what the Trainer has just logged."""
        if not state.is_world_process_zero:
            return
        if "eval_loss" in logs:
            log.info("step %d: evaluation loss %.4f", state.global_step, logs["eval_loss"])
            alike = [
                task
                for task, share in logs["eval_alike"].items()
                if share >= CONSTANT_SHARE and logs["eval_records"][task] >= FEWEST
            ]
            if alike and state.global_step == state.max_steps:
                log.warning("nearly all answers begin alike in validation: %s", ", ".join(alike))
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
