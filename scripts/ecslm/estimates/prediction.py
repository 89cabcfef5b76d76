"""Estimates what predictions need: memory and time, from the model's sizes and the settings.

Counted are the tensors of `prediction/prefill.py` and `prediction/generation.py`.
"""

import math
from dataclasses import dataclass

from ecslm.estimates.devices import Device
from ecslm.estimates.estimate import CONTEXT, LOADING, RATES, WRITING, Estimate, halved
from ecslm.estimates.lengths import Lengths
from ecslm.estimates.sizes import FLOAT, TYPE_BYTES, Sizes
from ecslm.models.precision import Precision

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
    """Tokens of the prompts, and of the answers that the model gives."""
    longest_answer: int
    """`max_new_tokens`, for which memory is kept."""
    rank: int = 0
    """Rank of the adapter; 0 without one."""
    targets: tuple[str, ...] = ()

    @property
    def longest(self) -> int:
        """Tokens of the longest prompt with the room for its answer."""
        return self.lengths.longest_prompt + self.longest_answer

    @property
    def row(self) -> float:
        """Tokens of a prompt with the room for its answer, on average."""
        return self.lengths.prompt + self.longest_answer


@dataclass(frozen=True)
class PredictionJob:
    """The answers of one model and seed to one task."""

    sizes: Sizes
    precision: Precision
    fused: bool
    """Whether the base is dequantised and the adapter merged when the model is loaded."""
    batch_tokens: int
    work: PredictionWork
    device: Device
    loads: bool = True
    """Whether the job imports libraries and loads the model, which one job does for all others."""

    def estimate(self) -> Estimate:
        """Estimate memory and time of the job.

        The memory is that of `batch_tokens`, and the time that of the batches that the device comes
        down to by halving; where even the longest prompt does not fit, that of `batch_tokens`, too.
        """
        parts, rates = self._memory(self.batch_tokens), RATES[self.device.kind]
        process = round(rates.process + self.sizes.file_bytes)
        loading = rates.start + self.sizes.file_bytes / LOADING
        return Estimate(
            device=parts,
            host=sum(parts.values()) if self.device.kind == "cpu" else process,
            seconds=self.loads * loading + self._seconds(self.fitting_batch() or self.batch_tokens),
        )

    def fitting_batch(self) -> int | None:
        """The tokens of a batch that fit on the device, found by halving them; None if the longest
        prompt with its answer does not."""
        return halved(self.batch_tokens, self.work.longest, self._memory, self.device.memory)

    def _memory(self, batch_tokens: int) -> dict[str, int]:
        """Bytes where the model is: weights, keys and values, the states of what is read."""
        sizes, work, kind = self.sizes, self.work, self.device.kind
        rates, size = RATES[kind], TYPE_BYTES[self.precision.dtype]
        rows = min(max(batch_tokens // max(round(work.row), 1), 1), work.prompts)
        tokens = min(max(batch_tokens, work.longest), work.prompts * work.longest)
        chunk = min(max(CHUNK[kind], work.longest), tokens)
        kept = min(KEPT, work.prompts) * PREFIX
        # A token that is read: its states before and after a layer, in float32 where a norm
        # computes, and the wide states inside, of one layer at a time.
        reading = 3 * FLOAT * sizes.hidden + size * (3 * sizes.inner + 4 * sizes.queries)
        if self.fused:
            base = sizes.unpacked(self.precision, own_head=work.rank > 0)
        else:
            base = sizes.packed(self.precision)
        process = rates.process + sizes.file_bytes if kind == "cpu" else CONTEXT
        return {
            "process": round(process),
            "base": base,
            "adapter": FLOAT * sum(sizes.updates(work.rank, work.targets)),
            "keys and values": round(rates.pieces * self._state * (tokens + chunk + kept)),
            "states": round(rates.pieces * chunk * reading),
            "logits": round(rates.pieces * rows * LOGITS * FLOAT * sizes.vocabulary),
        }

    def _seconds(self, batch_tokens: int) -> float:
        """Operations over their rate, bytes over the bandwidth, and starting each layer."""
        sizes, work, device = self.sizes, self.work, self.device
        lengths, rates = work.lengths, RATES[device.kind]
        batches = math.ceil(work.prompts * work.row / max(batch_tokens, work.row))
        read = work.prompts * lengths.prompt
        written = work.prompts * min(lengths.answer, work.longest_answer)
        steps = batches * min(lengths.longest_answer, work.longest_answer)
        chunks = max(read / CHUNK[device.kind], batches)
        # Unmerged updates are a second path beside each layer.
        paths = 1 if self.fused or not work.rank else 2
        starts = (chunks + steps) * paths * sizes.depth * rates.layer
        moved = steps * sizes.moved(self.precision, self.fused) + written * work.row * self._state
        computed = (
            sizes.reading(read, lengths.prompt)
            + batches * 2 * sizes.embedding
            + sizes.writing(written, work.row)
        )
        rate = device.rate(self.precision.dtype) * rates.reading
        return computed / rate + moved / (device.bandwidth_gb_s * 1e9 * WRITING) + starts

    @property
    def _state(self) -> int:
        """Bytes of the keys and values of a token."""
        return 2 * TYPE_BYTES[self.precision.dtype] * self.sizes.depth * self.sizes.keys
