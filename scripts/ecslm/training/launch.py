"""Training in several processes, one for each GPU, which `accelerate launch` starts.

The job itself trains nothing: it holds the lock of its work, waits, and publishes what was made.
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ecslm.common.errors import InputError
from ecslm.common.files import read_json, write_json

SCRIPT = Path(__file__).resolve().parents[2] / "train_adapter.py"
# Files of the processes for the job, in its work folder.
CONFIGURATION, FOUND, PROBLEMS = "accelerate.json", "found.json", "problems.json"
SECONDS_TO_END = 60
# prctl(2): the signal that a process gets when the one that started it ends.
PR_SET_PDEATHSIG = 1


def fit_in_processes(options: Mapping[str, Any], count: int, work: Path) -> dict[str, Any]:
    """Run the training script in `count` processes with these options, by name; options that are
    None are left out.

    Returns:
        What the first of them left for the job, see `leave_found`.

    Raises:
        InputError: what one of them left as its problems; or one ended otherwise.
    """
    for name in (FOUND, PROBLEMS):
        (work / name).unlink(missing_ok=True)
    write_json(work / CONFIGURATION, _configuration(count))
    command = [
        *(sys.executable, "-m", "accelerate.commands.launch"),
        *("--config_file", str(work / CONFIGURATION)),
        str(SCRIPT),
    ]
    for name, value in options.items():
        if value is None:
            continue
        values = value if isinstance(value, list | tuple) else [value]
        command += [name, *map(str, values)]
    launcher = subprocess.Popen(command, preexec_fn=end_with_parent)
    try:
        status = launcher.wait()
    finally:
        # Interrupted: it ends its processes before itself.
        if launcher.poll() is None:
            launcher.terminate()
            try:
                launcher.wait(SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                launcher.kill()
    if (work / PROBLEMS).exists():
        raise InputError(*read_json(work / PROBLEMS))
    if status or not (work / FOUND).exists():
        raise InputError(
            f"training: one of {count} processes failed, see {options.get('--log') or 'above'}: "
            "run again to continue from the last checkpoint"
        )
    return dict(read_json(work / FOUND))


def leave_found(work: Path, found: dict[str, Any]) -> None:
    """Tell the job what training has found."""
    write_json(work / FOUND, found)


def leave_problems(work: Path, error: InputError) -> None:
    """Tell the job what is wrong."""
    write_json(work / PROBLEMS, [str(problem) for problem in error.problems])


def end_with_parent() -> None:
    """Let the kernel kill this process when the process that started it ends: its work is then no
    longer locked, and a new run may continue it.
    """
    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def _configuration(count: int) -> dict[str, Any]:
    """All that `accelerate launch` would otherwise take from a file in the user's home.

    MULTI_GPU says that processes are started by torchrun; they compute where they are told to.
    """
    return {
        "compute_environment": "LOCAL_MACHINE",
        "distributed_type": "MULTI_GPU",
        "num_machines": 1,
        "num_processes": count,
        "machine_rank": 0,
        "main_process_port": 0,  # any that is free
        "rdzv_backend": "static",
        "gpu_ids": "all",
        "mixed_precision": "no",
        "use_cpu": False,
        "debug": False,
    }
