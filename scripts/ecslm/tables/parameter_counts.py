"""Parameters of models and adapters, counted from the architectures."""

from collections.abc import Mapping
from dataclasses import dataclass

from ecslm.models.parameter_counts import count_adapter, count_base
from ecslm.tables.settings import AdapterContext


@dataclass(frozen=True)
class Counts:
    """Parameters of a base model, and of the adapter that is trained on it."""

    base: int
    adapter: int


def count_parameters(row: Mapping[str, str], adapter: AdapterContext) -> Counts:
    """The counts of a row of architectures.csv with an adapter on it."""
    return Counts(
        base=count_base(row), adapter=count_adapter(row, adapter.rank, adapter.target_modules)
    )
