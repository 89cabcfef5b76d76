"""What BERTScore needs: the encoder in float64, and the embeddings of a chunk of pairs."""

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


def estimate_bertscore(
    weights: int,
    width: int,
    depth: int,
    texts: int,
    tokens: float,
    longest: int,
    device: Device,
) -> Estimate:
    """The needs of one BERTScore job.

    Args:
        weights: of the encoder.
        texts: predictions and references.
        tokens: of a text, on average.
        longest: tokens of the longest text.
    """
    tokens, longest = min(tokens, LONGEST), min(longest, LONGEST)
    batch = min(BATCH, texts) * longest
    attention = batch * (width // HEAD_SIZE + 1) * longest
    pieces = rates.PIECES[device.kind].value
    # It is turned into float64 matrix by matrix.
    encoder = weights * DOUBLE
    states = round(pieces * DOUBLE * (STATES * batch * width + 2 * attention))
    # On the processor, wherever the encoder is.
    embeddings = round(pieces * DOUBLE * min(2 * CHUNK, texts) * longest * width)
    # Its files are mapped into memory.
    process = round(rates.PROCESS[device.kind].value + FLOAT * weights)
    context = round(rates.CONTEXT.value)
    host = process + embeddings
    parts = {"encoder": encoder, "states": states}
    if device.kind == "cpu":
        parts |= {"process": process, "embeddings": embeddings}
        host = sum(parts.values())
    else:
        parts |= {"process": context}
    rate = device.float64_flops * rates.DOUBLES.value
    computed = texts * tokens * (2 * weights + 4 * depth * width * tokens)
    seconds = rates.START[device.kind].value + FLOAT * weights / rates.LOADING.value
    return Estimate(
        device=parts,
        host=host,
        seconds=seconds + computed / rate,
        assumptions=(*rates.common(device), rates.DOUBLES),
    )
