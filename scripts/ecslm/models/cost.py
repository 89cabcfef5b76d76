"""A job's cost: time, tokens, peak memory, energy, device. Nothing here may change a result."""

import platform
import resource
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

Cost = dict[str, float | str | None]

# What makes Linux forget the peak of a process's memory.
CLEAR_REFS, PEAK_OF_MEMORY = Path("/proc/self/clear_refs"), "5"


class CostMeter:
    """Measures cost from its creation on; `summary` is written to cost.json."""

    def __init__(self, device: "torch.device") -> None:
        self._device, self._start = device, time.perf_counter()
        _forget_peak_memory(device)
        self._start_energy = _energy_joules(device)

    def seconds(self) -> float:
        """Wall seconds since the start."""
        return time.perf_counter() - self._start

    def summary(self) -> Cost:
        """Device name, peak memory in bytes since the start (of the process on a CPU, of tensors on
        a GPU), and energy in joules, None if the device does not report it; of a GPU also the
        versions of CUDA and cuDNN that torch has, which the lock file does not pin."""
        energy = _energy_joules(self._device)
        used = None if energy is None or self._start_energy is None else energy - self._start_energy
        return {**_of_device(self._device), "energy_joules": used}


def job_cost(of_devices: Sequence[dict[str, Any]], resumed: bool, **known: Any) -> dict[str, Any]:
    """What cost.json says.

    The energy is unknown of a job that continues the work of a killed run, which has told nobody
    what it took.

    Args:
        of_devices: what was measured on each device since the job last began, as the `summary` of
            a meter; it replaces what is known under the same keys.
        resumed: whether the job continues the work of a killed run.
        known: what else it says.
    """
    measured = {**of_devices[0]}
    if (count := len(of_devices)) > 1:
        # The largest peak memory of several devices, and the energy of all.
        measured["device"] = f"{count} x {measured['device']}"
        measured["peak_memory_bytes"] = max(one["peak_memory_bytes"] or 0 for one in of_devices)
        measured["energy_joules"] = total([one["energy_joules"] for one in of_devices])
    if resumed and "energy_joules" in measured:
        measured["energy_joules"] = None
    return {**known, **measured}


def total(parts: Sequence[Any]) -> Any:
    """The sum of numbers, None if one of them is."""
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def device_name(device: "torch.device") -> str:
    """The name of the device in reports."""
    import torch

    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return f"{platform.machine()} CPU, {torch.get_num_threads()} threads"


def _of_device(device: "torch.device") -> Cost:
    import torch

    name = device_name(device)
    if device.type != "cuda":
        # Linux counts in KiB.
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return {"device": name, "peak_memory_bytes": peak}
    peak, cudnn = torch.cuda.max_memory_allocated(device), torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
    versions = {"cuda": torch.version.cuda, "cudnn": cudnn and str(cudnn)}
    return {"device": name, "peak_memory_bytes": peak, **versions}


def _forget_peak_memory(device: "torch.device") -> None:
    """Measure the peak from now on: this process may have served other jobs before."""
    if device.type == "cuda":
        import torch

        # Before that, nothing is there to forget.
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            torch.cuda.reset_peak_memory_stats(device)
        return
    # Where this is not allowed, the peak is that since the start of the process.
    with suppress(OSError):
        CLEAR_REFS.write_text(PEAK_OF_MEMORY, encoding="utf-8")


def _energy_joules(device: "torch.device") -> float | None:
    """The GPU's energy counter; NVIDIA GPUs since Volta have one."""
    if device.type != "cuda":
        return None
    import pynvml
    import torch

    try:
        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByIndex(torch.cuda._get_nvml_device_index(device))
        return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1000
    except (pynvml.NVMLError, RuntimeError):
        # The latter is torch's for an instance of a partitioned GPU, which has no counter.
        return None
