"""The lock that allows one run at a time in a results directory."""

import contextlib

from ecslm.common.locks import held
from ecslm.schemas.paths import RUN_LOCK

_lock = contextlib.ExitStack()


def acquire_run_lock(since: float) -> None:
    """Keep other runs out until this process releases the lock or ends.

    Replaces Snakemake's own lock, which a killed run leaves behind.

    Args:
        since: when this run began to check the results, in seconds since the epoch.

    Raises:
        InputError: another run holds the lock, or has held it since then: jobs that this run has
            planned may be done already.
    """
    _lock.enter_context(held(RUN_LOCK, "results", wait=False, since=since))


def release_run_lock() -> None:
    """Let other runs in."""
    _lock.close()
