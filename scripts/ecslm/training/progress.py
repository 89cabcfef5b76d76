"""Shows the progress of a training. Nothing here may change the adapter."""

import logging
import time
from typing import Any

from tqdm import tqdm

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 20.0


class Progress:
    """A progress bar on a terminal; in the log, a line at intervals and for each evaluation."""

    def __init__(self, steps: int, done: int, told: bool) -> None:
        """`told`: whether this is the one of several processes that tells of all."""
        self._steps, self._told, self._last = steps, told, 0.0
        self._bar: Any = tqdm(total=steps, initial=done, unit="step", disable=not told or None)

    def step(self, entry: dict[str, Any]) -> None:
        """Tell of a step, given its entry in the log."""
        self._bar.set_postfix(loss=f"{entry['loss']:.4f}", refresh=False)
        self._bar.update(1)
        if self._told and time.monotonic() - self._last >= SECONDS_BETWEEN_LINES:
            self._last = time.monotonic()
            speed = entry["tokens"] / entry["seconds"]
            done = f"step {entry['step']} of {self._steps}: loss {entry['loss']:.4f}"
            log.info("%s, %d tokens, %.0f tokens/s", done, entry["tokens"], speed)

    def evaluated(self, entry: dict[str, Any]) -> None:
        """Tell of an evaluation, given its entry in the log."""
        if self._told:
            log.info("step %d: evaluation loss %.4f", entry["step"], entry["eval_loss"])
