"""Devices that models run on: memory, speed and price, from resources/devices.csv."""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import Field

from ecslm.common.csv_rows import read_csv
from ecslm.common.validation import validated
from ecslm.schemas.settings import Closed

DEVICES = Path("resources/devices.csv")

Kind = Literal["cpu", "cuda"]


class DeviceRow(Closed):
    """A row of resources/devices.csv."""

    device: str = Field(description="Name.")
    kind: Kind
    memory_gb: float = Field(gt=0, description="Memory in 1e9 bytes.")
    tflops: float = Field(
        gt=0, description="Matrix products in bfloat16, without sparsity, in 1e12 FLOP/s."
    )
    float64_tflops: float = Field(gt=0, description="In float64, without tensor cores.")
    bandwidth_gb_s: float = Field(gt=0, description="Reading memory, in 1e9 bytes/s.")
    figures_from: str = Field(description="Where these are published, or how they were measured.")
    usd_per_hour: float = Field(ge=0, description="An assumed price.")
    price_as_of: date
    price_from: str


@dataclass(frozen=True)
class Device:
    """A device."""

    name: str
    kind: Kind
    memory: float
    """Bytes."""
    flops: float
    """Floating-point operations per second of matrix products in bfloat16."""
    float64_flops: float
    """Floating-point operations per second of matrix products in float64."""
    bandwidth: float
    """Bytes per second that its memory reads or writes."""
    usd_per_hour: float
    row: DeviceRow

    def rate(self, dtype: str) -> float:
        """Matrix products per second in a type; on a GPU half as many in float32, by TF32."""
        return self.flops / 2 if self.kind == "cuda" and dtype == "float32" else self.flops

    def with_threads(self, threads: int) -> "Device":
        """A CPU of so many threads instead of two, as those of the file have; a GPU as it is."""
        if self.kind == "cuda":
            return self
        share = threads / 2
        return replace(self, flops=self.flops * share, float64_flops=self.float64_flops * share)


def read_devices(path: Path) -> dict[str, Device]:
    """The devices of the file by name.

    Raises:
        InputError: the file is missing, a row is not valid, or a device is there twice.
    """
    rows = read_csv(path, tuple(DeviceRow.model_fields), ("device",))
    found = (validated(DeviceRow, row, path, line) for line, row in enumerate(rows, start=2))
    return {
        row.device: Device(
            name=row.device,
            kind=row.kind,
            memory=row.memory_gb * 1e9,
            flops=row.tflops * 1e12,
            float64_flops=row.float64_tflops * 1e12,
            bandwidth=row.bandwidth_gb_s * 1e9,
            usd_per_hour=row.usd_per_hour,
            row=row,
        )
        for row in found
    }
