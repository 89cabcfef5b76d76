"""Finds the device of resources/devices.csv on which jobs of a run would compute, for estimates."""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.estimates.devices import Device
from ecslm.plan.requests import SLOW, requests_of
from ecslm.preflight.planned_run import PlannedRun

# Words that names of the same GPU may lack, as the driver, SLURM and the file write them.
UNSAID = frozenset({"", "nvidia", "gb", "sxm"})
CPU_FLAGS = Path("/proc/cpuinfo")
# Flags of instructions for bfloat16, the fastest first, and devices that have them.
CPUS = {
    "amx_bf16": "two CPU cores with AMX",
    "avx512_bf16": "two CPU cores with AVX512-BF16",
}


@dataclass(frozen=True)
class Met:
    """A device that jobs would meet."""

    device: Device
    """The most similar device of the file, with the memory of the actual one."""
    name: str | None = None
    """The name that the machine or cluster gives it; None if the device is not known."""
    memory_known: bool = False
    """Whether the memory is that of the actual device, not that of the file."""


def met(run: PlannedRun) -> Met:
    """The device that a run would meet: of several the slowest, with the least memory."""
    requests = requests_of(run.plan.study)
    if not run.gpu_jobs:
        flags = CPU_FLAGS.read_text(encoding="utf-8").split() if CPU_FLAGS.is_file() else []
        name = next((CPUS[flag] for flag in CPUS if flag in flags), SLOW["cpu"])
        cpu = requests.devices[name]
        return Met(cpu.with_threads(run.plan.study.settings.threads), "this CPU")
    slow = requests.devices[SLOW["cuda"]]
    known = [device for device in requests.devices.values() if device.kind == "cuda"]
    # What cannot be asked is told with the GPUs.
    with suppress(InputError):
        if run.profile.is_local and run.driver is not None and run.driver.gpus:
            gpus = run.driver.gpus
            memory = min(gpu.memory for gpu in gpus)
            found = {gpu.name: alike(gpu.name, known) for gpu in gpus}
            name, device = _slowest(found, slow)
            return Met(replace(device, memory=memory), name, memory_known=True)
        if run.cluster:
            name, device = _slowest({name: alike(name, known) for name in run.cluster}, slow)
            return Met(device, name)
    return Met(slow)


def alike(name: str, devices: Iterable[Device]) -> Device | None:
    """The device of the file whose name has most words in common with a name, and no other words
    that name one: `NVIDIA H100 PCIe` is `NVIDIA H100 PCIe 80 GB`, `h100` the other H100."""
    words = _words(name)
    found = [device for device in devices if (own := _words(device.name)) and own <= words]
    return max(found, key=lambda device: len(_words(device.name)), default=None)


def _words(name: str) -> set[str]:
    """The words that distinguish GPUs, without gigabytes, which may be written separately."""
    words = re.split(r"[^a-z0-9]+", name.casefold())
    return {
        word for word in words if word not in UNSAID and (len(word) > 3 or not word.isdecimal())
    }


def _slowest(found: Mapping[str, Device | None], unknown: Device) -> tuple[str, Device]:
    """The slowest of several by its name; one that is not in the file is taken for `unknown`."""
    devices = {name: device or unknown for name, device in found.items()}
    name = min(devices, key=lambda name: devices[name].flops)
    return name, devices[name]
