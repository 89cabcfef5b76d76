"""Shows the progress of a prediction. Nothing here may change an answer."""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 20.0


@contextmanager
def progress(prompts: int, done: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on a terminal and, in the log, a line at intervals, while the block runs.

    It is told how many more prompts are answered.

    Args:
        prompts: of the whole job.
        done: those that are answered already.
    """
    shown, last_line = done, time.monotonic()

    def answered(count: int) -> None:
        nonlocal shown, last_line
        shown += count
        bar.update(count)
        if time.monotonic() - last_line >= SECONDS_BETWEEN_LINES:
            last_line = time.monotonic()
            log.info("%d of %d prompts", shown, prompts)

    with tqdm(total=prompts, initial=done, unit="prompt", disable=not sys.stderr.isatty()) as bar:
        yield answered
