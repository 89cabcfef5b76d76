"""Asking SLURM by its commands."""

import re
import shutil
import subprocess

from ecslm.common.errors import InputError

# Those that the executor and the checks use.
COMMANDS = ("sinfo", "sbatch", "squeue", "srun")
# Seconds to wait for a command; the commands themselves give up on a controller after nine.
SECONDS = 12
# What a message begins with, and what `srun` writes of a program that has failed.
SPEAKER = re.compile(r"^(?:[\w-]+: )?(?:error|fatal): ")
STATUS = re.compile(r"task \d+: Exited with exit code")


def missing_commands() -> list[str]:
    """The commands that are not on PATH."""
    return [name for name in COMMANDS if shutil.which(name) is None]


def answer(*command: str) -> str:
    """What a command prints.

    Raises:
        InputError: it is not here, it fails, or the controller does not answer.
    """
    name = command[0]
    if shutil.which(name) is None:
        raise InputError(
            f"{name}: not here: start the run on a node of the cluster, or in its shell"
        )
    try:
        run = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=SECONDS, errors="replace"
        )
    except subprocess.TimeoutExpired:
        raise InputError(
            f"{name}: no answer within {SECONDS} seconds: is the controller up? ask its operators"
        ) from None
    if run.returncode:
        raise InputError(
            f"{name}: {reason(run.stderr) or f'status {run.returncode}'}: is this a machine of the "
            "cluster, and is its controller up? ask its operators"
        )
    return run.stdout


def reason(printed: str) -> str:
    """Why a command failed: its last words on stderr, without who says them; empty if none."""
    lines = [line.strip() for line in printed.splitlines() if not STATUS.search(line)]
    return SPEAKER.sub("", next(filter(None, reversed(lines)), ""))
