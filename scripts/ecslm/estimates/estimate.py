"""An estimate of what a job needs, what that asks a scheduler for, and what both rest on: devices,
what jobs reach on them, and records.

Shares of a device's rates, and what is needed beside the model, were measured of SmolLM2-135M on
two cores with AMX (benchmarks/README.md) where the device is a CPU. Of GPUs they are assumed, low
where they are a share, and high where they are a cost; the share of a packed training on a GPU is
published (Llama-3.2-3B with LoRA on an A100: 9 % padded, 29 % packed). No share counts on compiled
layers or on products of updates in bfloat16. `benchmarks/gpu.py` measures these shares on a card.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from ecslm.common.files import read_csv, validated

MIB = 2**20
DEVICES = Path("resources/devices.csv")

# What a request is of an estimate. Of memory, the estimates are at most a little too low: see
# benchmarks/README.md. Of time, a job that is ended by its limit has cost all of it.
MEMORY_MARGIN = 1.2
TIME_MARGIN = 2.0
# Below that, starting decides: reading libraries from a slow shared disk may take minutes.
LEAST_MINUTES = 15


class Device(BaseModel, frozen=True):
    """A row of resources/devices.csv, whose other columns say where its numbers are from."""

    name: str = Field(alias="device")
    kind: Literal["cpu", "cuda"]
    memory_gb: float = Field(gt=0)
    """Memory in 1e9 bytes."""
    tflops: float = Field(gt=0)
    """Matrix products in bfloat16, without sparsity, in 1e12 FLOP/s."""
    float32_tflops: float = Field(gt=0)
    """In float32, without tensor cores or AMX."""
    float64_tflops: float = Field(gt=0)
    """In float64, without tensor cores."""
    bandwidth_gb_s: float = Field(gt=0)
    """Reading memory, in 1e9 bytes/s."""
    usd_per_hour: float = Field(ge=0)
    """An assumed price."""

    @property
    def memory(self) -> float:
        """Bytes."""
        return self.memory_gb * 1e9

    def rate(self, dtype: str) -> float:
        """Operations per second of matrix products in a type."""
        others = {"float32": self.float32_tflops, "float64": self.float64_tflops}
        return others.get(dtype, self.tflops) * 1e12

    def with_threads(self, threads: int) -> "Device":
        """A CPU of so many threads instead of two, as those of the file have; a GPU as it is."""
        names = ("tflops", "float32_tflops", "float64_tflops", "usd_per_hour")
        more = 1.0 if self.kind == "cuda" else threads / 2
        return self.model_copy(update={name: getattr(self, name) * more for name in names})


def read_devices(path: Path) -> dict[str, Device]:
    """The devices of the file by name.

    Raises:
        InputError: the file is missing, a row is not valid, or a device is there twice.
    """
    rows = enumerate(read_csv(path, ("device",), ("device",)), start=2)
    found = (validated(Device, row, path, line) for line, row in rows)
    return {one.name: one for one in found}


@dataclass(frozen=True)
class Rates:
    """What jobs reach on a kind of device, and what they need there beside the model."""

    training: float
    """Share of the rate of matrix products."""
    fast_training: float
    """The same with fused layers on a CPU, or packed records on a GPU."""
    reading: float
    """The same for prompts that are read."""
    layer: float
    """Seconds to start what a layer computes; on a GPU that may take longer than computing it."""
    start: float
    """Seconds of a job until it has its libraries and the device."""
    process: float
    """Bytes in the machine's memory of a process without a model."""
    pieces: float
    """Memory for each byte of tensors: gaps between them, and memory kept for the next ones."""


RATES = {
    "cpu": Rates(0.055, 0.17, 0.25, layer=0.3e-3, start=20, process=0.75e9, pieces=1.25),
    "cuda": Rates(0.15, 0.29, 0.4, layer=0.8e-3, start=60, process=4e9, pieces=1.15),
}
# Share of the rate of products in float32 of a fused training, on devices where no type is faster:
# SmolLM2-135M trains on 224 tokens a second on two such cores.
FUSED_FLOAT32 = 0.65
# Share of the rate of products that encoders of BERTScore reach, and of the memory's bandwidth in
# writing answers.
ENCODING, WRITING = 0.3, 0.6
# Bytes per second of reading and verifying files.
LOADING = 0.3e9
# CUDA's own memory, with workspaces of matrix products.
CONTEXT = 1e9


@dataclass(frozen=True)
class Records:
    """Records that a model reads and answers, and their tokens."""

    count: int
    prompt: float
    """Tokens of a prompt, on average."""
    longest_prompt: int
    answer: float
    longest_answer: int

    @property
    def length(self) -> float:
        """Tokens of a record, on average."""
        return self.prompt + self.answer

    @property
    def longest(self) -> int:
        """Most tokens of a record."""
        return self.longest_prompt + self.longest_answer

    def cut(self, most: int) -> "Records":
        """The records with prompt and answer cut to `most` tokens together."""
        longest = max(min(self.longest_prompt, most - self.longest_answer), 1)
        return replace(self, prompt=min(self.prompt, longest), longest_prompt=longest)


@dataclass(frozen=True)
class Estimate:
    """What a job needs, without margins but for what it asks a scheduler for."""

    device: Mapping[str, int]
    """Bytes of the memory that holds the model, by purpose, with the configured batches."""
    host: int
    """Bytes of the machine's memory; on a CPU this is the memory that holds the model."""
    seconds: float
    """Seconds from the start of the job to its end, with batches that fit."""
    budget: int | None = None
    """Tokens of a batch that fit on the device, found as the job finds them; None if the longest
    record alone does not."""

    @property
    def device_bytes(self) -> int:
        """Bytes of the memory where the model is: of the GPU or, on a CPU, of the machine."""
        return sum(self.device.values())

    @property
    def request(self) -> tuple[int, int]:
        """What the job asks a scheduler for: MiB of the machine's memory, not of the GPU's, and
        minutes."""
        minutes = max(math.ceil(TIME_MARGIN * self.seconds / 60), LEAST_MINUTES)
        return math.ceil(MEMORY_MARGIN * self.host / MIB), minutes


def halved(
    wanted: int, least: int, needs: Callable[[int], Mapping[str, int]], room: float
) -> int | None:
    """Tokens of a batch that fit, as jobs find them by halving; None if the fewest do not.

    Args:
        needs: bytes that so many tokens take.
    """
    while sum(needs(wanted).values()) > room:
        if wanted <= least:
            return None
        wanted = max(wanted // 2, least)
    return wanted
