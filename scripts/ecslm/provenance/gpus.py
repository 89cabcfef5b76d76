"""Whether this machine has the GPUs that a run is going to use."""

import os
from collections.abc import Iterable
from dataclasses import dataclass

from ecslm.common.devices.lease import usable_devices
from ecslm.common.devices.listing import list_devices
from ecslm.common.errors import InputError
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
        limit: of the GPUs that jobs may use at once.
        here: whether this machine runs the jobs.

    Raises:
        InputError: the limit is 0, or there are fewer GPUs than it, or than a job asks for.
    """
    asked = [need for need in needs if need.count > 0]
    if asked and limit == 0:
        raise InputError(
            f"--resources gpu=0: {len(asked)} jobs of this run load a model, and without a limit "
            "all would do so at once: set gpu=1, which counts on a CPU too"
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
