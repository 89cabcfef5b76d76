"""A machine with GPUs that are not there: its driver's answers, in place of those of `pynvml`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pynvml

# As pytest's monkeypatch has it.
Set = Callable[[Any, str, Any], None]


@dataclass(frozen=True)
class Gpu:
    """A GPU with its partitions, of which some places are empty."""

    uuid: str
    name: str = "NVIDIA A100"
    instances: tuple[str | None, ...] = field(default=())
    partitioned: bool | None = False
    """None: it knows no partitions."""


def install(gpus: Sequence[Gpu], set_: Set = setattr) -> None:
    """Let the driver's library tell of these GPUs in this process."""

    def mode(gpu: Gpu) -> list[int]:
        if gpu.partitioned is None:
            raise pynvml.NVMLError_NotSupported
        return [int(gpu.partitioned), 0]

    def instance(gpu: Gpu, place: int) -> Gpu:
        if gpu.instances[place] is None:
            raise pynvml.NVMLError_NotFound
        return Gpu(str(gpu.instances[place]), f"{gpu.name} MIG 1g.5gb")

    answers: dict[str, Callable[..., Any]] = {
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlDeviceGetCount": lambda: len(gpus),
        "nvmlDeviceGetHandleByIndex": lambda number: gpus[number],
        "nvmlDeviceGetUUID": lambda gpu: gpu.uuid,
        "nvmlDeviceGetName": lambda gpu: gpu.name,
        "nvmlDeviceGetMigMode": mode,
        "nvmlDeviceGetMaxMigDeviceCount": lambda gpu: len(gpu.instances),
        "nvmlDeviceGetMigDeviceHandleByIndex": instance,
    }
    for name, answer in answers.items():
        set_(pynvml, name, answer)
