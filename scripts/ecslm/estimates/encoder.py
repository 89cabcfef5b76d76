"""Estimates what BERTScore needs: the encoder in float64, and embeddings of a chunk of pairs."""

from dataclasses import dataclass

from ecslm.estimates import rates
from ecslm.estimates.devices import Device
from ecslm.estimates.estimate import Estimate

FLOAT, DOUBLE = 4, 8
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
    width, weights = encoder.width, encoder.embedding + encoder.linear
    tokens, longest = min(tokens, LONGEST), min(longest, LONGEST)
    batch = min(BATCH, texts) * longest
    attention = batch * (width // HEAD_SIZE + 1) * longest
    pieces = rates.PIECES[device.kind].value
    states = round(pieces * DOUBLE * (STATES * batch * width + 2 * attention))
    # On the processor, wherever the encoder is.
    embeddings = round(pieces * DOUBLE * min(2 * CHUNK, texts) * longest * width)
    # Its files are mapped into memory.
    process = round(rates.PROCESS[device.kind].value + FLOAT * weights)
    # It is turned into float64 matrix by matrix.
    parts = {"encoder": DOUBLE * weights, "states": states}
    if device.kind == "cpu":
        parts |= {"process": process, "embeddings": embeddings}
        host = sum(parts.values())
    else:
        parts["process"] = round(rates.CONTEXT.value)
        host = process + embeddings
    rate = device.float64_flops * rates.DOUBLES.value
    used = min(layer / encoder.depth, 1)
    attention_flops = 4 * encoder.depth * width * tokens
    computed = used * texts * tokens * (2 * encoder.linear + attention_flops)
    seconds = rates.START[device.kind].value + FLOAT * weights / rates.LOADING.value
    return Estimate(
        device=parts,
        host=host,
        seconds=seconds + computed / rate,
        assumptions=(*rates.common(device), rates.DOUBLES),
    )
