"""Bytes of weights, in files and in memory."""

from ecslm.estimates.sizes import Sizes
from ecslm.models.precision import Precision

# A weight in 4 bits, an 8-bit scale for each 64 of them, and a 32-bit one for each 256 scales:
# NF4 with double quantisation, section 3 of QLoRA (Dettmers et al. 2023).
NF4_BYTES = 4 / 8 + 1 / 64 + 4 / (64 * 256)
TYPE_BYTES = {"bfloat16": 2, "float32": 4}
# Published weights are in bfloat16, and so are those that are converted.
FILE_BYTES = 2


def in_files(sizes: Sizes) -> int:
    """Bytes of a base's files."""
    return FILE_BYTES * sizes.stored


def packed(sizes: Sizes, precision: Precision) -> int:
    """Bytes of a loaded base whose layers stay quantised; embedding and head never are."""
    size = TYPE_BYTES[precision.dtype]
    layer = NF4_BYTES if precision.quantization == "nf4" else size
    return round(layer * sizes.linear) + size * (sizes.stored - sizes.linear)


def unpacked(sizes: Sizes, precision: Precision, own_head: bool) -> int:
    """Bytes of a base dequantised at load, while its quantised layers still exist.

    Args:
        own_head: whether the head has weights of its own, as it has where an adapter is merged.
    """
    size = TYPE_BYTES[precision.dtype]
    heads = 2 if own_head or not sizes.tied else 1
    whole = size * (sizes.linear + heads * sizes.embedding)
    if precision.quantization == "none":
        return whole
    return whole + round(NF4_BYTES * sizes.linear)


def moved(sizes: Sizes, precision: Precision, unpacked_once: bool) -> float:
    """Bytes that a forward pass reads and writes of a base, whatever the tokens.

    Quantised layers that are unpacked in each pass are read, written and read again.
    """
    size = TYPE_BYTES[precision.dtype]
    each_time = precision.quantization == "nf4" and not unpacked_once
    layer = NF4_BYTES + 2 * size if each_time else size
    return layer * sizes.linear + size * sizes.embedding
