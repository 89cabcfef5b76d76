"""Estimates what predictions need: memory and time, from the model's sizes and the settings.

Counted are the tensors of `prediction/prefill.py` and `prediction/generation.py`.
"""

import math

from ecslm.estimates.devices import Device
from ecslm.estimates.estimate import CONTEXT, LOADING, RATES, WRITING, Estimate, Records, halved
from ecslm.estimates.sizes import FLOAT, TYPE_BYTES, Sizes
from ecslm.models.precision import Precision

# Tokens that are read at once, as in `prediction/prefill.py`, which loads torch.
CHUNK = {"cpu": 1024, "cuda": 16384}
# Prefixes that are kept for the next batches, of about so many tokens.
KEPT, PREFIX = 64, 128
# Logits of a row: themselves, in float32, and what of them is sorted or compared.
LOGITS = 3


def estimate_predictions(
    sizes: Sizes,
    precision: Precision,
    fused: bool,
    batch_tokens: int,
    work: Records,
    longest_answer: int,
    trained: int,
    device: Device,
    loads: bool = True,
    copied: bool = False,
) -> Estimate:
    """Estimate the answers of one model and seed to one task.

    The memory is that of `batch_tokens`, and the time that of the batches that the device comes
    down to by halving; where even the longest prompt does not fit, that of `batch_tokens`, too.

    Args:
        fused: whether the base is dequantised and the adapter merged when the model is loaded.
        work: the prompts, and the answers that the model gives.
        longest_answer: `max_new_tokens`, for which memory is kept.
        trained: parameters of the adapter; 0 without one.
        loads: whether the job imports libraries and loads the model, which one job does for all
            others.
        copied: whether each answer that is scored has a copy of its prompt's keys and values, as
            where the likeliest of some answers is chosen.
    """
    rates, size = RATES[device.kind], TYPE_BYTES[precision.dtype]
    # Tokens of a prompt with the room for its answer: on average, and of the longest.
    row, longest = work.prompt + longest_answer, work.longest_prompt + longest_answer
    # Bytes of the keys and values of a token.
    state = 2 * size * sizes.depth * sizes.keys
    process = round(rates.process + sizes.file_bytes)
    on_cpu, chunk = device.kind == "cpu", CHUNK[device.kind]

    def memory(budget: int) -> dict[str, int]:
        """Bytes where the model is: weights, keys and values, the states of what is read."""
        rows = min(max(budget // max(round(row), 1), 1), work.count)
        tokens = min(max(budget, longest), work.count * longest)
        read = min(max(chunk, longest), tokens)
        kept = min(KEPT, work.count) * PREFIX + copied * tokens
        # A token that is read: its states before and after a layer, in float32 where a norm
        # computes, and the wide states inside, of one layer at a time.
        reading = 3 * FLOAT * sizes.hidden + size * (3 * sizes.inner + 4 * sizes.queries)
        own_head = trained > 0
        return {
            "process": process if on_cpu else round(CONTEXT),
            "base": sizes.unpacked(precision, own_head) if fused else sizes.packed(precision),
            "adapter": FLOAT * trained,
            "keys and values": round(rates.pieces * state * (tokens + read + kept)),
            "states": round(rates.pieces * read * reading),
            "logits": round(rates.pieces * rows * LOGITS * FLOAT * sizes.vocabulary),
        }

    def seconds(budget: int) -> float:
        """Operations over their rate, bytes over the bandwidth, and starting each layer."""
        batches = math.ceil(work.count * row / max(budget, row))
        read = work.count * work.prompt
        written = work.count * min(work.answer, longest_answer)
        steps = batches * min(work.longest_answer, longest_answer)
        # Unmerged updates are a second path beside each layer.
        paths = 1 if fused or not trained else 2
        starts = (max(read / chunk, batches) + steps) * paths * sizes.depth * rates.layer
        moved = steps * sizes.moved(precision, fused) + written * row * state
        computed = (
            sizes.reading(read, work.prompt)
            + batches * 2 * sizes.embedding
            + sizes.writing(written, row)
        )
        rate = device.rate(precision.dtype) * rates.reading
        return computed / rate + moved / (device.bandwidth_gb_s * 1e9 * WRITING) + starts

    fitting = halved(batch_tokens, longest, memory, device.memory)
    parts, loading = memory(batch_tokens), rates.start + sizes.file_bytes / LOADING
    return Estimate(
        device=parts,
        host=sum(parts.values()) if on_cpu else process,
        seconds=loads * loading + seconds(fitting or batch_tokens),
        budget=fitting,
    )
