"""Parameters of models and adapters, counted from the architectures."""

from collections.abc import Mapping
from dataclasses import dataclass

from ecslm.models.architecture import HEAD, Shape, llama_architecture, updated_layers
from ecslm.tables.settings import AdapterContext


@dataclass(frozen=True)
class Counts:
    """Parameters of a base model, and of the adapter that is trained on it."""

    base: int
    adapter: int


def count_parameters(row: Mapping[str, str], adapter: AdapterContext) -> Counts:
    """Count by arithmetic, in milliseconds: building the model takes torch and peft 15 s.

    Args:
        row: a row of architectures.csv, all of which are Llama models: without biases, and with
            RMSNorm twice in each block and once after the last.
        adapter: low-rank adaptation (E. J. Hu et al., 2021): for a layer of shape (m, n), matrices
            of shape (m, rank) and (rank, n).
    """
    architecture = llama_architecture(row)
    layers = dict(architecture.layers)
    if row["tie_word_embeddings"] == "true":
        del layers[HEAD]
    norms = int(row["hidden_size"]) * (2 * int(row["num_hidden_layers"]) + 1)
    updated = updated_layers(architecture, adapter.target_modules)
    return Counts(
        base=norms + sum(m * n for m, n in _shapes(layers)),
        adapter=sum(adapter.rank * (m + n) for m, n in _shapes(updated)),
    )


def _shapes(layers: Mapping[str, Shape]) -> list[tuple[int, int]]:
    """Those of an architecture of the file, which are all known."""
    return [shape for shape in layers.values() if shape]
