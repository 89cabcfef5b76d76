"""The sizes of a model, and what follows from them alone: bytes of weights, and operations.

Operations are counted as in PaLM (Chowdhery et al. 2022, appendix B): a product with a matrix of N
weights takes 2N for each token. Attention takes 4 x width x tokens for each token and layer, of
which causal attention needs half.
"""

from collections.abc import Mapping
from functools import lru_cache

from ecslm.models.architecture import HEAD, Architecture, llama_architecture, updated_layers
from ecslm.models.precision import Precision

# A weight in 4 bits, an 8-bit scale for each 64 of them, and a 32-bit one for each 256 scales:
# NF4 with double quantisation, section 3 of QLoRA (Dettmers et al. 2023).
NF4_BYTES = 4 / 8 + 1 / 64 + 4 / (64 * 256)
# Of `auto` as of bfloat16: in float32 on a CPU the demo's training took 1.9 GB, and asks for 5.
TYPE_BYTES = {"bfloat16": 2, "float32": 4, "auto": 2}
FLOAT = 4
# Published weights are in bfloat16, and so are those that are converted.
FILE_BYTES = 2


class Sizes:
    """Sizes of a model, all of whose layers are known.

    Attributes:
        architecture: it, with a head.
        tied: whether the embedding is also the output head.
        depth: layers, or blocks, one after another.
        vocabulary: rows of the output head.
        hidden: width of the states between layers.
        queries: width of all queries of a layer.
        keys: width of all keys of a layer, which that of the values equals.
        inner: width inside of the feed-forward part of a layer.
        linear: weights of all matrices but embedding and head: those that are quantised.
    """

    def __init__(self, architecture: Architecture, tied: bool) -> None:
        self.architecture, self.tied = architecture, tied
        shapes = {name: shape for name, shape in architecture.layers.items() if shape}
        self.depth = architecture.depth or 1
        self.vocabulary, self.hidden = shapes[HEAD]
        # Embeddings are looked up.
        blocks = [
            shape
            for name, shape in shapes.items()
            if name != HEAD and "emb" not in name.rpartition(".")[2]
        ]

        def width(layer: str) -> int:
            named = (shape[0] for name, shape in shapes.items() if name.endswith(layer))
            # Architectures that name them otherwise mostly have as many keys as queries.
            return next(named, self.hidden)

        self.queries, self.keys = width("q_proj"), width("k_proj")
        self.inner = max((side for shape in blocks for side in shape), default=self.hidden)
        self.linear = sum(rows * columns for rows, columns in blocks)

    @property
    def embedding(self) -> int:
        """Weights of the embedding; as many has the head."""
        return self.vocabulary * self.hidden

    @property
    def stored(self) -> int:
        """Weights of the whole model, each once."""
        return self.linear + self.embedding * (1 if self.tied else 2)

    @property
    def parameters(self) -> int:
        """Those of the whole model, of a Llama model also its norms: two in each block, and one
        after the last. It has no biases."""
        return self.stored + self.hidden * (2 * self.depth + 1)

    @property
    def multiplied(self) -> int:
        """Weights that each token is multiplied with: all matrices but the embedding of the input,
        where a row is looked up."""
        return self.linear + self.embedding

    @lru_cache  # noqa: B019
    def updates(self, rank: int, targets: tuple[str, ...]) -> tuple[int, int]:
        """Parameters of low-rank adaptation (E. J. Hu et al., 2021), for a layer of shape (m, n)
        matrices of shape (m, rank) and (rank, n): of the head, and of all other layers.

        Counting them takes longer than all else of an estimate.
        """
        layers = updated_layers(self.architecture, targets).items()
        found = {name: rank * sum(shape) for name, shape in layers if shape}
        of_head = found.pop(HEAD, 0)
        return of_head, sum(found.values())

    @property
    def file_bytes(self) -> int:
        """Bytes of a base's files, which are mapped into memory while they are loaded."""
        return FILE_BYTES * self.stored

    def loaded(self, precision: Precision, unpacked: bool, own_head: bool = False) -> int:
        """Bytes of a loaded base. Embedding and head are never quantised; layers that are
        dequantised at load then exist in both forms.

        Args:
            unpacked: whether they are; otherwise they stay quantised.
            own_head: whether the head gets weights of its own, as where an adapter is merged.
        """
        size, nf4 = TYPE_BYTES[precision.dtype], precision.quantization == "nf4"
        heads = 2 if (unpacked and own_head) or not self.tied else 1
        layer = nf4 * NF4_BYTES + (unpacked or not nf4) * size
        return round(layer * self.linear) + size * heads * self.embedding

    def moved(self, precision: Precision, unpacked_once: bool) -> float:
        """Bytes that a forward pass reads and writes of a base, whatever the tokens.

        Quantised layers that are unpacked in each pass are read, written and read again.
        """
        size = TYPE_BYTES[precision.dtype]
        each_time = precision.quantization == "nf4" and not unpacked_once
        layer = NF4_BYTES + 2 * size if each_time else size
        return layer * self.linear + size * self.embedding

    def reading(self, tokens: float, length: float) -> float:
        """Operations of reading texts of `length` tokens: a forward pass without the head."""
        return tokens * (2 * self.linear + 2 * self.depth * self.queries * length)

    def writing(self, tokens: float, length: float) -> float:
        """Operations of writing tokens, each after texts of `length` tokens, with the head."""
        attention = 4 * self.depth * self.queries * length
        return tokens * (2 * self.multiplied + attention)

    def training(
        self, updates: tuple[int, int], tokens: float, length: float, answer: float
    ) -> float:
        """Operations of training on `tokens` tokens in all, of which `answer` are of answers.

        Forward and backward: 4N for the frozen base, which needs the gradient of its inputs alone,
        and 6N for the adapter, which needs that of its weights too. The head's are those of answer
        tokens.

        Args:
            updates: parameters of the adapter: of the head, and of all other layers.
            length: tokens of a record.
        """
        of_head, of_others = updates
        layers = tokens * (4 * self.linear + 6 * of_others)
        head = answer * (4 * self.embedding + 6 * of_head)
        return layers + head + tokens * 6 * self.depth * self.queries * length


def sizes_of_row(row: Mapping[str, str]) -> Sizes:
    """The sizes of a row of resources/architectures.csv."""
    return Sizes(llama_architecture(row), tied=row["tie_word_embeddings"] == "true")


def sizes_of(architecture: Architecture) -> Sizes | None:
    """The sizes of a model that is known from its files; None if not all of them are known.

    Files do not say whether the head is tied: it is counted as a matrix of its own.
    """
    layers = architecture.layers
    known = architecture.depth and layers.get(HEAD) and all(layers.values())
    return Sizes(architecture, tied=False) if known else None
