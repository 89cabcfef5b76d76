"""One run in a results folder at a time."""

import contextlib
from pathlib import Path

from ecslm.common.locks import held

RUN_LOCK = Path("results/run.lock")
_ownership = contextlib.ExitStack()


def own_folder(since: float) -> None:
    """Keep other runs out until this process leaves or ends.

    In place of Snakemake's own lock, which a killed run leaves behind: this one goes with its
    process.

    Args:
        since: when this run began to look at the results, in seconds since the epoch.

    Raises:
        InputError: another run is going on in this folder, or has been since then: what this one
            has planned may be done already.
    """
    _ownership.enter_context(held(RUN_LOCK, "results", wait=False, since=since))


def leave_folder() -> None:
    """Let other runs in."""
    _ownership.close()
