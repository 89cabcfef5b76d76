"""What predictions need: memory and time, from the model's sizes and the settings.

Counted are the tensors of `prediction/prefill.py` and `prediction/generation.py`.
"""

import math
from dataclasses import dataclass

from ecslm.estimates import operations, rates, weights
from ecslm.estimates.devices import Device
from ecslm.estimates.estimate import Estimate
from ecslm.estimates.lengths import Lengths
from ecslm.estimates.sizes import Sizes
from ecslm.models.precision import Precision

FLOAT = 4
# Tokens that are read at once, as in `prediction/prefill.py`, which loads torch.
CHUNK = {"cpu": 1024, "cuda": 16384}
# Prefixes that are kept for the next batches, of about so many tokens.
KEPT, PREFIX = 64, 128
# Logits of a row: themselves, in float32, and what of them is sorted or compared.
LOGITS = 3


@dataclass(frozen=True)
class PredictionWork:
    """How much a model answers."""

    prompts: int
    lengths: Lengths
    """Of prompts, and of answers as the model gives them."""
    longest_answer: int
    """`max_new_tokens`: room for so many is kept."""
    rank: int = 0
    """Of the adapter; 0 without one."""
    targets: tuple[str, ...] = ()


def estimate_prediction(
    sizes: Sizes,
    precision: Precision,
    fused: bool,
    batch_tokens: int,
    work: PredictionWork,
    device: Device,
    loads: bool = True,
) -> Estimate:
    """The needs of one prediction job.

    Args:
        fused: whether the base is unpacked and the adapter merged, at load.
        loads: whether the job starts libraries and loads the model, which one job does for all of a
            model and seed.
    """
    parts = _memory(sizes, precision, fused, batch_tokens, work, device)
    started = _loading(sizes, device) if loads else 0.0
    host = sum(parts.values()) if device.kind == "cpu" else round(_process(sizes, device))
    return Estimate(
        device=parts,
        host=host,
        seconds=started + _seconds(sizes, precision, fused, batch_tokens, work, device),
        assumptions=(*rates.common(device), rates.READING[device.kind], rates.WRITING),
    )


def fitting_batch(
    sizes: Sizes,
    precision: Precision,
    fused: bool,
    batch_tokens: int,
    work: PredictionWork,
    device: Device,
) -> int | None:
    """The tokens of a batch that fit on a device, found by halving them; None if the longest prompt
    with its answer does not."""
    longest = work.lengths.longest_prompt + work.longest_answer

    def fits(budget: int) -> bool:
        parts = _memory(sizes, precision, fused, budget, work, device)
        return sum(parts.values()) <= device.memory

    while not fits(batch_tokens):
        if batch_tokens <= longest:
            return None
        batch_tokens = max(batch_tokens // 2, longest)
    return batch_tokens


def _memory(
    sizes: Sizes,
    precision: Precision,
    fused: bool,
    batch_tokens: int,
    work: PredictionWork,
    device: Device,
) -> dict[str, int]:
    size = weights.TYPE_BYTES[precision.dtype]
    row = work.lengths.prompt + work.longest_answer
    longest = work.lengths.longest_prompt + work.longest_answer
    rows = min(max(batch_tokens // max(round(row), 1), 1), work.prompts)
    tokens = min(max(batch_tokens, longest), math.ceil(work.prompts * longest))
    chunk = min(max(CHUNK[device.kind], longest), tokens)
    kept = min(KEPT, work.prompts) * PREFIX
    state = 2 * size * sizes.depth * sizes.keys
    # A token that is read: its states before and after a layer, in float32 where a norm computes,
    # and the wide states inside, of one layer at a time.
    reading = 3 * FLOAT * sizes.hidden + size * (3 * sizes.inner + 4 * sizes.queries)
    logits = rows * LOGITS * FLOAT * sizes.vocabulary
    pieces = rates.PIECES[device.kind].value
    adapter = FLOAT * sum(sizes.updates(work.rank, work.targets)) if work.rank else 0
    if fused:
        base = weights.unpacked(sizes, precision, own_head=work.rank > 0)
    else:
        base = weights.packed(sizes, precision)
    context = rates.CONTEXT.value if device.kind == "cuda" else _process(sizes, device)
    return {
        "process": round(context),
        "base": base,
        "adapter": adapter,
        "keys and values": round(pieces * state * (tokens + chunk + kept)),
        "states": round(pieces * chunk * reading),
        "logits": round(pieces * logits),
    }


def _process(sizes: Sizes, device: Device) -> float:
    # The files of the base are mapped into memory while they are loaded.
    return rates.PROCESS[device.kind].value + weights.in_files(sizes)


def _loading(sizes: Sizes, device: Device) -> float:
    return rates.START[device.kind].value + weights.in_files(sizes) / rates.LOADING.value


def _seconds(
    sizes: Sizes,
    precision: Precision,
    fused: bool,
    batch_tokens: int,
    work: PredictionWork,
    device: Device,
) -> float:
    kind, lengths = device.kind, work.lengths
    size = weights.TYPE_BYTES[precision.dtype]
    rate = device.flops * rates.READING[kind].value
    if precision.dtype == "float32" and kind == "cuda":
        rate /= 2
    row = lengths.prompt + work.longest_answer
    batches = math.ceil(work.prompts * row / max(batch_tokens, row))
    read = work.prompts * lengths.prompt
    written = work.prompts * min(lengths.answer, work.longest_answer)
    steps = batches * min(lengths.longest_answer, work.longest_answer)
    chunks = max(read / CHUNK[kind], batches)
    # Unmerged updates are a second path beside each layer.
    starts = rates.LAYER[kind].value * sizes.depth * (1 if fused or not work.rank else 2)
    of_step = weights.moved(sizes, precision, fused)
    moved = steps * of_step + written * row * 2 * size * sizes.depth * sizes.keys
    computed = (
        operations.reading(sizes, read, lengths.prompt)
        + batches * 2 * sizes.embedding
        + operations.writing(sizes, written, row)
    )
    return (
        computed / rate
        + moved / (device.bandwidth * rates.WRITING.value)
        + (chunks + steps) * starts
    )
