"""Shows the progress of a prediction. Nothing here may change an answer."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 20.0


class Progress:
    """A progress bar on a terminal; in the log, a line at intervals."""

    def __init__(self, bar: Any, done: int) -> None:
        """
        Args:
            done: prompts that are answered already.
        """
        self._bar = bar
        self._finished = self._shown = done
        self._last_line = time.monotonic()

    def answered(self, count: int) -> None:
        """Show that more prompts are answered, of a batch that is not finished yet."""
        self._show(self._shown + count)

    def finished(self, count: int) -> None:
        """Show that a batch of so many prompts is finished, whether or not its answers were shown
        one by one."""
        self._finished += count
        self._show(self._finished)

    def _show(self, prompts: int) -> None:
        self._bar.update(prompts - self._shown)
        self._shown = prompts
        if time.monotonic() - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            log.info("%d of %d prompts", prompts, self._bar.total)


@contextmanager
def progress(prompts: int, done: int) -> Iterator[Progress]:
    """The progress of a job, shown while the block runs.

    Args:
        prompts: of the whole job.
        done: those that are answered already.
    """
    with tqdm(total=prompts, initial=done, unit="prompt", disable=not sys.stderr.isatty()) as bar:
        yield Progress(bar, done)
