"""Estimates what predictions need: memory and time, from the model's sizes and the settings.

Counted are the tensors of `prediction/prefill.py` and `prediction/generation.py`.
"""

import math
from dataclasses import dataclass, replace

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
    """Tokens of the prompts, and of the answers that the model gives."""
    longest_answer: int
    """`max_new_tokens`, for which memory is kept."""
    rank: int = 0
    """Rank of the adapter; 0 without one."""
    targets: tuple[str, ...] = ()


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
        parts, on_cpu = self._memory(), self.device.kind == "cpu"
        fitting = replace(self, batch_tokens=self.fitting_batch() or self.batch_tokens)
        return Estimate(
            device=parts,
            host=sum(parts.values()) if on_cpu else round(self._process()),
            seconds=(self._loading() if self.loads else 0.0) + fitting._seconds(),
            assumptions=(
                *rates.common(self.device),
                rates.READING[self.device.kind],
                rates.WRITING,
            ),
        )

    def fitting_batch(self) -> int | None:
        """The tokens of a batch that fit on the device, found by halving them; None if the longest
        prompt with its answer does not."""
        job, longest = self, self.work.lengths.longest_prompt + self.work.longest_answer
        while sum(job._memory().values()) > self.device.memory:
            if job.batch_tokens <= longest:
                return None
            job = replace(job, batch_tokens=max(job.batch_tokens // 2, longest))
        return job.batch_tokens

    def _memory(self) -> dict[str, int]:
        sizes, work, kind = self.sizes, self.work, self.device.kind
        size = weights.TYPE_BYTES[self.precision.dtype]
        longest = work.lengths.longest_prompt + work.longest_answer
        rows = min(max(self.batch_tokens // max(round(self._row), 1), 1), work.prompts)
        tokens = min(max(self.batch_tokens, longest), math.ceil(work.prompts * longest))
        chunk = min(max(CHUNK[kind], longest), tokens)
        kept = min(KEPT, work.prompts) * PREFIX
        # A token that is read: its states before and after a layer, in float32 where a norm
        # computes, and the wide states inside, of one layer at a time.
        reading = 3 * FLOAT * sizes.hidden + size * (3 * sizes.inner + 4 * sizes.queries)
        logits = rows * LOGITS * FLOAT * sizes.vocabulary
        adapter = FLOAT * sum(sizes.updates(work.rank, work.targets)) if work.rank else 0
        if self.fused:
            base = weights.unpacked(sizes, self.precision, own_head=work.rank > 0)
        else:
            base = weights.packed(sizes, self.precision)
        pieces = rates.PIECES[kind].value
        return {
            "process": round(self._process() if kind == "cpu" else rates.CONTEXT.value),
            "base": base,
            "adapter": adapter,
            "keys and values": round(pieces * self._state * (tokens + chunk + kept)),
            "states": round(pieces * chunk * reading),
            "logits": round(pieces * logits),
        }

    def _process(self) -> float:
        """Bytes of a process without a model, in the memory of the machine."""
        # The files of the base are mapped into memory while they are loaded.
        return rates.PROCESS[self.device.kind].value + weights.in_files(self.sizes)

    def _loading(self) -> float:
        files = weights.in_files(self.sizes) / rates.LOADING.value
        return rates.START[self.device.kind].value + files

    def _seconds(self) -> float:
        sizes, work, kind = self.sizes, self.work, self.device.kind
        lengths, row = work.lengths, self._row
        batches = math.ceil(work.prompts * row / max(self.batch_tokens, row))
        read = work.prompts * lengths.prompt
        written = work.prompts * min(lengths.answer, work.longest_answer)
        steps = batches * min(lengths.longest_answer, work.longest_answer)
        chunks = max(read / CHUNK[kind], batches)
        # Unmerged updates are a second path beside each layer.
        paths = 1 if self.fused or not work.rank else 2
        starts = (chunks + steps) * paths * sizes.depth * rates.LAYER[kind].value
        moved = steps * weights.moved(sizes, self.precision, self.fused)
        moved += written * row * self._state
        computed = (
            operations.reading(sizes, read, lengths.prompt)
            + batches * 2 * sizes.embedding
            + operations.writing(sizes, written, row)
        )
        rate = self.device.rate(self.precision.dtype) * rates.READING[kind].value
        return computed / rate + moved / (self.device.bandwidth * rates.WRITING.value) + starts

    @property
    def _row(self) -> float:
        """Tokens of a prompt with the room for its answer."""
        return self.work.lengths.prompt + self.work.longest_answer

    @property
    def _state(self) -> int:
        """Bytes of the keys and values of a token."""
        size = weights.TYPE_BYTES[self.precision.dtype]
        return 2 * size * self.sizes.depth * self.sizes.keys
