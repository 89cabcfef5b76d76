"""Estimates what BERTScore needs: the encoder in float64, and embeddings of a chunk of pairs."""

from dataclasses import dataclass

from ecslm.estimates.devices import Device
from ecslm.estimates.estimate import CONTEXT, DOUBLES, LOADING, RATES, Estimate
from ecslm.estimates.sizes import FLOAT

DOUBLE = 8
# As in `scoring/bertscore`, which loads torch: texts of an encoder's pass, and pairs of a chunk.
BATCH, CHUNK = 16, 128
# Encoders read no longer texts.
LONGEST = 512
# States of a token in a layer, in widths of the encoder: queries, keys, values, the attended, and
# four times as wide inside, with activation.
STATES = 14
HEAD_SIZE = 64


@dataclass(frozen=True)
class Encoder:
    """The sizes of an encoder, which has no head."""

    embedding: int
    """Weights of the embedding of tokens."""
    linear: int
    """Weights of all other matrices."""
    width: int
    depth: int


# For an encoder of unknown size: FacebookAI/roberta-large, by its config.json.
ROBERTA_LARGE = Encoder(50265 * 1024, 24 * 12 * 1024**2, 1024, 24)


def estimate_bertscore(
    encoder: Encoder, layer: int, texts: int, tokens: float, longest: int, device: Device
) -> Estimate:
    """The needs of one BERTScore job.

    Args:
        layer: whose embeddings are matched; those above are not computed.
        texts: predictions and references.
        tokens: of a text, on average.
        longest: tokens of the longest text.
    """
    rates, width = RATES[device.kind], encoder.width
    weights = encoder.embedding + encoder.linear
    tokens, longest = min(tokens, LONGEST), min(longest, LONGEST)
    batch = min(BATCH, texts) * longest
    attention = batch * (width // HEAD_SIZE + 1) * longest
    states = round(rates.pieces * DOUBLE * (STATES * batch * width + 2 * attention))
    # On the processor, wherever the encoder is.
    embeddings = round(rates.pieces * DOUBLE * min(2 * CHUNK, texts) * longest * width)
    # Its files are mapped into memory, and turned into float64 matrix by matrix.
    process = round(rates.process + FLOAT * weights)
    parts = {"encoder": DOUBLE * weights, "states": states}
    if device.kind == "cpu":
        parts |= {"process": process, "embeddings": embeddings}
        host = sum(parts.values())
    else:
        parts["process"] = round(CONTEXT)
        host = process + embeddings
    flops = tokens * (2 * encoder.linear + 4 * encoder.depth * width * tokens)
    computed = texts * flops * min(layer / encoder.depth, 1)
    seconds = rates.start + FLOAT * weights / LOADING
    return Estimate(parts, host, seconds + computed / (device.rate("float64") * DOUBLES))
