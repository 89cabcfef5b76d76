"""An estimate of what a job needs, and the request for a scheduler that follows from it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

MIB = 2**20

# What a request is of an estimate. Of memory, the estimates are at most a little too low: see
# benchmarks/README.md. Of time, a job that is ended by its limit has cost all of it.
MEMORY_MARGIN = 1.2
TIME_MARGIN = 2.0
# Below that, starting decides: reading libraries from a slow shared disk may take minutes.
LEAST_MINUTES = 15


Evidence = Literal["measured", "assumed", "published"]
# What kind of evidence there is, and where.
Source = tuple[Evidence, str]


@dataclass(frozen=True)
class Assumption:
    """A number that an estimate rests on."""

    what: str
    value: float
    unit: str
    evidence: Evidence
    source: str

    def text(self) -> str:
        """The number in words, with its evidence."""
        value = f"{self.value:,.10g} {self.unit}".strip()
        return f"{self.what}: {value} ({self.evidence}: {self.source})"


@dataclass(frozen=True)
class Request:
    """What a job asks a scheduler for."""

    memory_mb: int
    """Memory of the machine, in MiB as SLURM counts it; not that of the GPU."""
    minutes: int


@dataclass(frozen=True)
class Estimate:
    """What a job needs, without margins."""

    device: Mapping[str, int]
    """Bytes of the memory that holds the model, by purpose."""
    host: int
    """Bytes of the machine's memory; on a CPU this is the memory that holds the model."""
    seconds: float
    """Seconds from the start of the job to its end."""
    assumptions: tuple[Assumption, ...]

    @property
    def device_bytes(self) -> int:
        """Bytes of the memory where the model is: of the GPU or, on a CPU, of the machine."""
        return sum(self.device.values())

    def request(self) -> Request:
        """The request to a scheduler: the estimate with margins."""
        return request(self.host, self.seconds)


def request(host: float, seconds: float) -> Request:
    """The request for an estimate in bytes and seconds, with margins."""
    return Request(
        memory_mb=math.ceil(MEMORY_MARGIN * host / MIB),
        minutes=max(math.ceil(TIME_MARGIN * seconds / 60), LEAST_MINUTES),
    )
