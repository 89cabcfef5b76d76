"""Checks whether this machine has the GPUs that a run is going to use."""

import os
from collections.abc import Iterable
from dataclasses import dataclass

from ecslm.common.devices.lease import usable_devices
from ecslm.common.devices.listing import list_devices
from ecslm.common.errors import InputError
from ecslm.common.text import number_of
from ecslm.common.worker.place import DEVICES_VARIABLE


@dataclass(frozen=True)
class GpuNeed:
    """What one job asks for. On a CPU it counts as a GPU where models run one at a time."""

    count: int
    device: str | None


def check_gpus(needs: Iterable[GpuNeed], limit: int | None, here: bool) -> None:
    """Refuse to start jobs that could not run, or that would all run at once.

    Where there is no driver, the jobs say so.

    Args:
        needs: of the jobs that are due.
        limit: of the GPUs that jobs may use at once; None if there is none.
        here: whether this machine runs the jobs.

    Raises:
        InputError: there is no limit, or it is 0, or less than a job asks for; or there are fewer
            GPUs than it, or than a job asks for.
    """
    asked = [need for need in needs if need.count > 0]
    # The lease keeps jobs on GPUs apart; in the memory of this machine nothing but the limit does.
    unlimited = [
        need for need in asked if limit == 0 or (limit is None and here and need.device != "cuda")
    ]
    if unlimited:
        given = "gpu=0" if limit == 0 else "without gpu"
        raise InputError(
            f"--resources {given}: {number_of(len(unlimited), 'job')} of this run would load a "
            "model, and without a limit all at once: set gpu=1, which counts on a CPU too"
        )
    most = max((need.count for need in asked), default=0)
    if limit is not None and most > limit:
        raise InputError(
            f"--resources gpu={limit}: a job of this run takes {most} (`gpus` of the study): set "
            f"gpu={most}, there or in the profile, or `gpus: {limit}` in the study"
        )
    on_gpus = [need.count for need in asked if need.device == "cuda"]
    if not on_gpus or not here:
        return
    present = list_devices()
    if not present:
        return
    usable = usable_devices(present, os.environ.get(DEVICES_VARIABLE), max(on_gpus))
    if limit is not None and limit > len(usable):
        raise InputError(
            f"--resources gpu={limit}: jobs may use {len(usable)} GPUs of this machine: set "
            f"gpu={len(usable)}, there or in the profile"
        )
