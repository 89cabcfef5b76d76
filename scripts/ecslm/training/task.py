"""The task of fitting an adapter: records, base, settings and hardware."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ecslm.models.prompts import PromptTemplate
from ecslm.schemas.record import Record
from ecslm.training.settings import AdapterSettings


@dataclass(frozen=True)
class Task:
    """Records, base and settings of an adapter, and what computes."""

    records: Mapping[str, Sequence[Record]]
    """Records by split: `train` and `validation`."""
    base: Path
    prompt: PromptTemplate
    settings: AdapterSettings
    seed: int
    device: str
    threads: int
    processes: int
    """Number of processes that train together; this process may be one of them."""
    checkpoint_seconds: float
