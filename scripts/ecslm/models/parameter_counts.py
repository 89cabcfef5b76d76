"""Counts of parameters from a row of resources/architectures.csv: by arithmetic, without weights.

All rows are of Llama models: without biases, and with RMSNorm twice in each block and once after
the last. Building the model would take torch and peft 15 s.
"""

from collections.abc import Iterable, Mapping

from ecslm.models.architecture import HEAD, Shape, llama_architecture, updated_layers

EMBEDDING = "model.embed_tokens"


def count_base(row: Mapping[str, str]) -> int:
    """All parameters; an embedding that input and output share is counted once."""
    layers = dict(llama_architecture(row).layers)
    if row["tie_word_embeddings"] == "true":
        del layers[HEAD]
    norms = int(row["hidden_size"]) * (2 * int(row["num_hidden_layers"]) + 1)
    return norms + sum(m * n for m, n in _known(layers))


def count_multiplied(row: Mapping[str, str]) -> int:
    """Weights that each token is multiplied with: all matrices but the embedding of the input,
    where a row is looked up."""
    layers = dict(llama_architecture(row).layers)
    del layers[EMBEDDING]
    return sum(m * n for m, n in _known(layers))


def count_adapter(row: Mapping[str, str], rank: int, targets: Iterable[str]) -> int:
    """Parameters of low-rank adaptation (E. J. Hu et al., 2021): for a layer of shape (m, n),
    matrices of shape (m, rank) and (rank, n)."""
    updated = updated_layers(llama_architecture(row), targets)
    return sum(rank * (m + n) for m, n in _known(updated))


def _known(layers: Mapping[str, Shape]) -> list[tuple[int, int]]:
    """The sizes of an architecture of the file, all of which are known."""
    return [shape for shape in layers.values() if shape]
