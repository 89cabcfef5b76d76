"""A machine with GPUs that are not there: its driver's answers, in place of those of `pynvml`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pynvml

# As pytest's monkeypatch has it.
Set = Callable[[Any, str, Any], None]


@dataclass(frozen=True)
class Gpu:
    """A GPU."""

    uuid: str
    name: str = "NVIDIA A100"


def install(gpus: Sequence[Gpu], set_: Set = setattr) -> None:
    """Let the driver's library tell of these GPUs in this process."""

    answers: dict[str, Callable[..., Any]] = {
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlDeviceGetCount": lambda: len(gpus),
        "nvmlDeviceGetHandleByIndex": lambda number: gpus[number],
        "nvmlDeviceGetUUID": lambda gpu: gpu.uuid,
        "nvmlDeviceGetName": lambda gpu: gpu.name,
    }
    for name, answer in answers.items():
        set_(pynvml, name, answer)
