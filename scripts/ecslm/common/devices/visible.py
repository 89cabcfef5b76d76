"""Reads CUDA_VISIBLE_DEVICES: the devices of a process, by numbers, UUIDs or beginnings of them.

See https://docs.nvidia.com/cuda/cuda-c-programming-guide/#cuda-environment-variables. What CUDA
would pass over in silence, such as a device that does not exist, is an error here.
"""

import re
from collections.abc import Sequence

from ecslm.common.devices.listing import Device
from ecslm.common.errors import InputError, Problem
from ecslm.common.worker.place import DEVICES_VARIABLE

# What ends the list; SLURM's NoDevFiles says that there are none.
END = ("", "-1", "NoDevFiles")
NUMBER, UUID = re.compile("[0-9]+"), re.compile("(GPU|MIG)-.*")


def visible_devices(devices: Sequence[Device], variable: str | None) -> list[Device]:
    """The devices that the variable names, in its order; all, if it is not set.

    A GPU that is partitioned stands for all of its instances. Numbers are those of `nvidia-smi`.

    Raises:
        InputError: an entry is not one device of this machine, or one that is named before.
    """
    if variable is None:
        return list(devices)
    found: list[Device] = []
    for entry in map(str.strip, variable.split(",")):
        if entry in END:
            break
        named = _named(devices, entry)
        if len({device.gpu_uuid for device in named}) != 1 or set(named) & set(found):
            listed = ", ".join(f"{device.number} ({device.uuid})" for device in devices)
            message = (
                f"{entry} is no GPU of this machine, several, or named twice; it has {listed}: "
                "correct the variable, or unset it"
            )
            raise InputError(Problem(message, DEVICES_VARIABLE))
        found += named
    return found


def _named(devices: Sequence[Device], entry: str) -> list[Device]:
    if NUMBER.fullmatch(entry):
        return [device for device in devices if device.number == int(entry)]
    if not UUID.fullmatch(entry):
        return []
    exact = [device for device in devices if entry in (device.uuid, device.gpu_uuid)]
    return exact or [
        device
        for device in devices
        if device.uuid.startswith(entry) or device.gpu_uuid.startswith(entry)
    ]
