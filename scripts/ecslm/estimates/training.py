"""Estimates what a training needs: memory and time, from the model's sizes and the settings.

Counted are the tensors that `training/` keeps: see `kept` and `kept_fused`.
"""

import math
from dataclasses import dataclass

from ecslm.estimates import operations, rates, weights
from ecslm.estimates.devices import Device
from ecslm.estimates.estimate import Assumption, Estimate
from ecslm.estimates.sizes import Sizes
from ecslm.models.precision import Precision
from ecslm.training.settings import TrainingSettings

FLOAT = 4
# Weight, gradient and the two moments of Adam of a trained parameter, each in float32; and while
# gradients are clipped or the best checkpoint is read, one more.
TRAINED_BYTES = 5 * FLOAT
# Logits of an answer token: themselves, their logarithms of probabilities, the gradient, and the
# update that is added to them; each in float32, and in the type of the weights.
LOGITS = 4
# On a CPU fused layers keep the weights of attention, for so many queries at a time:
# `fused_ops.BLOCK`. Heads of nearly all architectures have this size.
BLOCK, HEAD_SIZE = 256, 64


@dataclass(frozen=True)
class TrainingWork:
    """How much an adapter is trained on, in one pass."""

    records: int
    tokens: int
    """Tokens of prompts and answers."""
    answer_tokens: int
    validation_tokens: int
    """Tokens of the records that an evaluation reads."""
    longest: int
    """Tokens of the longest record."""
    answer_share: float
    """The share of answer tokens in the records of the task where it is largest."""

    @property
    def length(self) -> float:
        """Tokens of a record, on average."""
        return self.tokens / max(self.records, 1)


@dataclass(frozen=True)
class TrainingJob:
    """The training of one adapter, on a device of this type or several."""

    sizes: Sizes
    precision: Precision
    settings: TrainingSettings
    work: TrainingWork
    device: Device
    processes: int = 1
    """Processes that train together, each on its own device and with its own model."""

    def estimate(self) -> Estimate:
        """Estimate memory and time of the job.

        The memory is that of `batch_tokens`, and the time that of the budget that a training on the
        device comes down to. With `batch_tokens: auto` a training takes what the device has: the
        memory is the least that is needed, that of the longest record alone.
        """
        wanted = self.settings.batch_tokens
        budget = self.work.longest if wanted == "auto" else wanted
        parts = self.memory(budget)
        of_one = sum(parts.values()) if self.device.kind == "cpu" else round(self._process())
        return Estimate(
            device=parts,
            host=self.processes * of_one,
            seconds=self._seconds(self.fitting_budget() or budget),
            assumptions=(
                *rates.common(self.device),
                self._share,
                rates.PASSES,
                rates.TOKEN,
                *((rates.TOGETHER,) if self.processes > 1 else ()),
            ),
        )

    def fitting_budget(self) -> int | None:
        """The tokens of a forward pass that a training comes down to by halving them; None if the
        longest record does not fit."""
        wanted, longest = self.settings.batch_tokens, self.work.longest
        budget = self._pass(self.settings.global_batch * longest if wanted == "auto" else wanted)
        while sum(self.memory(budget).values()) > self.device.memory:
            if budget <= longest:
                return None
            budget = max(budget // 2, longest)
        return budget

    def memory(self, budget: int) -> dict[str, int]:
        """Bytes where the model is, by what they are for, with `budget` tokens in a pass."""
        sizes, tokens, size = self.sizes, self._pass(budget), self._type_bytes
        answers = math.ceil(self.work.answer_share * tokens)
        logits = answers * LOGITS * (FLOAT + size) * sizes.vocabulary
        # The gradients of one layer at a time: of its wide states, and of the narrow ones in
        # float32.
        passing = 3 * size * sizes.inner + 4 * FLOAT * sizes.hidden
        updates = sizes.updates(self.settings.rank, self.settings.target_modules)
        pieces = rates.PIECES[self.device.kind].value
        on_cpu = self.device.kind == "cpu"
        process = self._process() + rates.SHAPES.value if on_cpu else rates.CONTEXT.value
        return {
            "process": round(process),
            "base": self._base(),
            "adapter": TRAINED_BYTES * sum(updates),
            "activations": round(pieces * tokens * (self._kept_bytes() + passing)),
            "logits": round(pieces * logits),
        }

    def _pass(self, budget: int) -> int:
        """Most tokens of a forward pass: a global batch may have fewer than the budget, and a
        record that is longer has its own."""
        longest = self.work.longest
        return max(min(budget, self.settings.global_batch * longest), longest)

    def _kept_bytes(self) -> float:
        """Bytes that the layers keep of each token for the backward pass."""
        sizes, settings = self.sizes, self.settings
        if self._fused:
            work = self.work
            attended = min(work.longest, work.length + BLOCK) if self.device.kind == "cpu" else 0.0
            return sizes.depth * kept_fused(sizes, self._type_bytes, attended)
        layer = kept(sizes, self._type_bytes, settings.dropout > 0)
        if settings.gradient_checkpointing:
            # Of each layer its input, and all of the one that is being computed again.
            return sizes.depth * FLOAT * sizes.hidden + layer
        return sizes.depth * layer

    def _base(self) -> int:
        sizes, precision = self.sizes, self.precision
        if self.settings.fused:
            return weights.unpacked(sizes, precision, own_head=False)
        # Of one layer at a time the weights are unpacked.
        nf4 = precision.quantization == "nf4"
        one = self._type_bytes * sizes.inner * sizes.hidden if nf4 else 0
        return weights.packed(sizes, precision) + one

    def _process(self) -> float:
        """Bytes of a process without a model, in the memory of the machine."""
        records = rates.TOKEN.value * (self.work.tokens + self.work.validation_tokens)
        # The files of the base are mapped into memory while they are loaded.
        return rates.PROCESS[self.device.kind].value + weights.in_files(self.sizes) + records

    def _seconds(self, budget: int) -> float:
        sizes, settings, work, device = self.sizes, self.settings, self.work, self.device
        updates = sizes.updates(settings.rank, settings.target_modules)
        of_pass = operations.training(sizes, updates, work.tokens, work.length, work.answer_tokens)
        if settings.gradient_checkpointing:
            of_pass += operations.reading(sizes, work.tokens, work.length)
        evaluation = operations.reading(sizes, work.validation_tokens, work.length)
        flops = settings.epochs * (of_pass + settings.evaluations * evaluation)
        # At least one forward pass a step.
        steps = math.ceil(work.records / settings.global_batch)
        passes = settings.epochs * max(steps, work.tokens / self._pass(budget))
        starts = passes * sizes.depth * rates.PASSES.value * rates.LAYER[device.kind].value
        rate = device.rate(self.precision.dtype) * self._share.value
        together = 1 + rates.TOGETHER.value * (self.processes - 1)
        loading = weights.in_files(sizes) / rates.LOADING.value
        return rates.START[device.kind].value + loading + (flops / rate + starts) / together

    @property
    def _share(self) -> Assumption:
        faster = self._fused if self.device.kind == "cpu" else self.settings.packing
        return rates.TRAINING[self.device.kind, faster]

    @property
    def _fused(self) -> bool:
        """Whether the faster layers compute: see `training.fused` in the configuration's schema."""
        settings = self.settings
        return settings.fused and not settings.dropout and not settings.gradient_checkpointing

    @property
    def _type_bytes(self) -> int:
        return weights.TYPE_BYTES[self.precision.dtype]


def kept(sizes: Sizes, size: int, dropout: bool) -> float:
    """Bytes that a layer of transformers' Llama with peft's updates keeps of a token.

    All linear layers are assumed to have an update.

    Args:
        size: bytes of a number, of the type of computation.
    """
    hidden, inner, queries, keys = sizes.hidden, sizes.inner, sizes.queries, sizes.keys
    # Both norms compute in float32.
    norms = 2 * FLOAT * hidden
    # Queries, keys and values as attention reads them, and its output.
    attention = size * (2 * queries + 2 * max(keys, queries))
    # The gate, its activation, and what that is multiplied with.
    feed_forward = 3 * size * inner
    # What an update multiplies: in float32, with a mask of one byte if some of it is dropped. Only
    # in float32 without dropout do updates of one input share it.
    copy = FLOAT + 1 if dropout else FLOAT
    inputs = 2 * hidden if size == FLOAT and not dropout else 5 * hidden
    return norms + attention + feed_forward + copy * (inputs + queries + inner)


def kept_fused(sizes: Sizes, size: int, attended: float) -> float:
    """Bytes that a layer of `training/fused_llama.py` keeps of a token.

    Args:
        size: as of `kept`.
        attended: tokens whose weights of attention are kept, for each head; 0 where a kernel
            computes them again.
    """
    hidden, inner, queries, keys = sizes.hidden, sizes.inner, sizes.queries, sizes.keys
    norms = 2 * FLOAT * hidden
    products = size * (2 * hidden + queries + inner)
    attention = size * (2 * queries + 2 * keys + queries / HEAD_SIZE * attended)
    return norms + products + attention + 2 * size * inner
