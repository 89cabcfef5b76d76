"""Devices that models run on: memory, speed and price, from resources/devices.csv."""

from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import Field

from ecslm.common.files import read_csv, validated
from ecslm.schemas.settings import Closed

DEVICES = Path("resources/devices.csv")


class Device(Closed):
    """A row of resources/devices.csv: a device."""

    device: str
    """Name."""
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
    figures_from: str
    """Where these are published, or how they were measured."""
    usd_per_hour: float = Field(ge=0)
    """An assumed price."""
    price_as_of: date
    price_from: str

    @property
    def name(self) -> str:
        """The device's name."""
        return self.device

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
        if self.kind == "cuda":
            return self
        names = ("tflops", "float32_tflops", "float64_tflops", "usd_per_hour")
        return self.model_copy(update={name: getattr(self, name) * threads / 2 for name in names})

    def with_memory(self, count: float) -> "Device":
        """The device with so many bytes of memory."""
        return self.model_copy(update={"memory_gb": count / 1e9})


def read_devices(path: Path) -> dict[str, Device]:
    """The devices of the file by name.

    Raises:
        InputError: the file is missing, a row is not valid, or a device is there twice.
    """
    rows = read_csv(path, tuple(Device.model_fields), ("device",))
    found = (validated(Device, row, path, line) for line, row in enumerate(rows, start=2))
    return {one.name: one for one in found}
