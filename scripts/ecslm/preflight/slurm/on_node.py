"""The part of the trial that runs on a node, and its report on the node."""

import os
import socket
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict

from ecslm.common.errors import InputError
from ecslm.common.worker.place import DEVICES_VARIABLE
from ecslm.preflight.gpus import read_driver
from ecslm.preflight.torch_build import cuda_of_torch
from ecslm.preflight.versions import other_versions

# Files of the folder in which both sides meet.
SENT, ANSWERED, LOCKED = "sent", "answered", "locked"


class NodeDriver(BaseModel):
    """The NVIDIA driver of a node, as jobs meet it."""

    model_config = ConfigDict(frozen=True)

    version: str
    cuda: tuple[int, int]
    """The newest version of CUDA that it runs: major and minor."""
    gpus: tuple[str, ...]
    """Names of the GPUs that the job was given."""


class NodeReport(BaseModel):
    """What a job found on a node."""

    model_config = ConfigDict(frozen=True)

    host: str
    other_versions: dict[str, str]
    """Libraries of other versions than the locked ones."""
    received: str | None
    """The content of the file that was sent; None if the node does not see the file."""
    write_problem: str = ""
    """Why no file could be written next to it; empty if one could."""
    took_lock: bool = False
    """Whether a lock could be taken that another machine holds."""
    lock_problem: str = ""
    """Why the lock could not be tried; empty if it could."""
    lacking: tuple[str, ...] = ()
    """Names of environment variables that are not set; values are never reported."""
    given_devices: str | None = None
    """CUDA_VISIBLE_DEVICES, by which SLURM tells a job its GPUs."""
    cuda_of_torch: tuple[int, int] | None = None
    driver: NodeDriver | None = None
    driver_problem: str = ""


def report_of_node(folder: Path, variables: tuple[str, ...], asks_driver: bool) -> NodeReport:
    """Try on this machine what jobs need.

    Args:
        folder: where the other side has put what it sends, and holds a lock.
        variables: environment variables that jobs need.
        asks_driver: whether jobs run models on GPUs.
    """
    sent = folder / SENT
    found = NodeReport(
        host=socket.gethostname(),
        other_versions=other_versions(),
        received=sent.read_text(encoding="utf-8") if sent.is_file() else None,
        lacking=tuple(name for name in variables if not os.environ.get(name, "").strip()),
        given_devices=os.environ.get(DEVICES_VARIABLE),
        cuda_of_torch=cuda_of_torch(),
    )
    if found.received is not None:
        found = found.model_copy(update=_in_folder(folder, found.received))
    return found.model_copy(update=_driver()) if asks_driver else found


def _in_folder(folder: Path, received: str) -> dict[str, object]:
    try:
        (folder / ANSWERED).write_text(received, encoding="utf-8")
    except OSError as problem:
        return {"write_problem": str(problem.strerror)}
    lock = FileLock(folder / LOCKED, fallback_to_soft=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return {}
    except OSError as problem:
        return {"lock_problem": str(problem.strerror)}
    lock.release()
    return {"took_lock": True}


def _driver() -> dict[str, object]:
    try:
        found = read_driver()
    except InputError as problem:
        return {"driver_problem": str(problem)}
    if found is None:
        return {}
    gpus = tuple(gpu.name for gpu in found.gpus)
    return {"driver": NodeDriver(version=found.version, cuda=found.cuda, gpus=gpus)}
