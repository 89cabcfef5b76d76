"""A job's cost: time, tokens, peak memory, energy, device. Nothing here may change a result."""

import platform
import resource
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

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
        a GPU), and energy in joules, None if the device does not report it."""
        energy = _energy_joules(self._device)
        used = None if energy is None or self._start_energy is None else energy - self._start_energy
        return {
            "device": device_name(self._device),
            "peak_memory_bytes": _peak_memory(self._device),
            "energy_joules": used,
        }


def training_cost(
    job_seconds: float,
    seconds: float,
    tokens: int,
    of_devices: Sequence[Cost],
    batch_tokens: tuple[int, int],
    resumed: bool,
) -> Cost:
    """cost.json of an adapter.

    Args:
        job_seconds: of the job since it last began, with loading.
        seconds: of training, including those of killed runs.
        of_devices: the summary of each device that it was trained on, since the job last began.
        batch_tokens: the token budget at the start and at the end, which is lower where memory did
            not suffice.
        resumed: whether it continues the work of a killed run.
    """
    return {
        "seconds": seconds,
        "job_seconds": job_seconds,
        "tokens": tokens,
        "batch_tokens": batch_tokens[0],
        "batch_tokens_at_end": batch_tokens[1],
        "devices": len(of_devices),
        **_of_all(_together(of_devices), resumed),
    }


def _of_all(measured: Mapping[str, float | str | None], resumed: bool) -> Cost:
    """What was measured since a job last began, without the energy if that is not all of it: killed
    runs have told nobody what they took."""
    unknown = {"energy_joules": None} if resumed and "energy_joules" in measured else {}
    return {**measured, **unknown}


def _together(summaries: Sequence[Cost]) -> Cost:
    """The largest peak memory of several devices, and the energy of all."""
    first, *others = summaries
    if not others:
        return first
    energies = [summary["energy_joules"] for summary in summaries]
    return {
        "device": f"{len(summaries)} x {first['device']}",
        "peak_memory_bytes": max(float(each["peak_memory_bytes"] or 0) for each in summaries),
        "energy_joules": None if None in energies else sum(map(float, energies)),  # type: ignore[arg-type]
    }


def prediction_cost(
    load_seconds: float,
    seconds: float,
    prompt_tokens: Sequence[int | None],
    generated_tokens: Sequence[int | None],
    truncated: Sequence[bool | None],
    of_model: Mapping[str, float | str | None],
    resumed: bool,
) -> Cost:
    """cost.json of predictions. A sum is None if a part of it is.

    Args:
        load_seconds: until the model could answer, next to none if another job had loaded it.
        seconds: of generation, including those of killed runs.
        prompt_tokens: of each prompt.
        generated_tokens: of each answer.
        truncated: whether the input of each was cut.
        of_model: what the model says it cost, which replaces values of the same keys.
        resumed: whether they continue the work of a killed run.
    """
    return {
        "load_seconds": load_seconds,
        "seconds": seconds,
        "prompts": len(prompt_tokens),
        "prompt_tokens": _sum(prompt_tokens),
        "generated_tokens": _sum(generated_tokens),
        "truncated_inputs": _sum(truncated),
        **_of_all(of_model, resumed),
    }


def _sum(parts: Sequence[int | None]) -> int | None:
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def device_name(device: "torch.device") -> str:
    """The name of the device in reports."""
    import torch

    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return f"{platform.machine()} CPU, {torch.get_num_threads()} threads"


def _peak_memory(device: "torch.device") -> int:
    if device.type == "cuda":
        import torch

        return int(torch.cuda.max_memory_allocated(device))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts in KiB


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
