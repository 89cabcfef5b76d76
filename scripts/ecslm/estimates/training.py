"""Estimates what a training needs: memory and time, from the model's sizes and the settings.

Counted are the tensors that `training/` keeps: see `kept` and `kept_fused`.
"""

import math
from dataclasses import dataclass

from ecslm.estimates.devices import Device
from ecslm.estimates.estimate import CONTEXT, LOADING, RATES, Estimate, halved
from ecslm.estimates.sizes import FLOAT, TYPE_BYTES, Sizes
from ecslm.models.precision import Precision
from ecslm.training.settings import TrainingSettings

# Weight, gradient and the two moments of Adam of a trained parameter, each in float32; and while
# gradients are clipped or the best checkpoint is read, one more.
TRAINED_BYTES = 5 * FLOAT
# Logits of an answer token: themselves, their logarithms of probabilities, the gradient, and the
# update that is added to them; each in float32, and in the type of the weights.
LOGITS = 4
# On a CPU fused layers keep the weights of attention, for so many queries at a time:
# `fused_ops.BLOCK`. Heads of nearly all architectures have this size.
BLOCK, HEAD_SIZE = 256, 64
# On a CPU, products of each new shape leave something behind, and a training has hundreds: bytes,
# measured. Bytes of a token of the records, as a number in a list of Python; assumed, as what
# follows.
SHAPES, TOKEN = 0.4e9, 60
# Starts of a layer in a step: a forward and a backward pass with updates, against a forward pass.
PASSES = 4
# Speed that a further process adds, since processes wait for each other.
TOGETHER = 0.85


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
        of_one = sum(parts.values()) if self.device.kind == "cpu" else round(self._process)
        seconds = self._seconds(self.fitting_budget() or budget)
        return Estimate(parts, self.processes * of_one, seconds)

    def fitting_budget(self) -> int | None:
        """The tokens of a forward pass that a training comes down to by halving them; None if the
        longest record does not fit."""
        wanted, longest = self.settings.batch_tokens, self.work.longest
        most = self._pass(self.settings.global_batch * longest if wanted == "auto" else wanted)
        return halved(most, longest, self.memory, self.device.memory)

    def memory(self, budget: int) -> dict[str, int]:
        """Bytes where the model is: weights, what is kept for the backward pass, and the logits,
        with `budget` tokens in a pass."""
        sizes, settings, tokens = self.sizes, self.settings, self._pass(budget)
        size, on_cpu = TYPE_BYTES[self.precision.dtype], self.device.kind == "cpu"
        answers = math.ceil(self.work.answer_share * tokens)
        if settings.fused:
            base = sizes.unpacked(self.precision, own_head=False)
        else:
            # Of one layer at a time the weights are unpacked.
            nf4 = self.precision.quantization == "nf4"
            base = sizes.packed(self.precision) + nf4 * size * sizes.inner * sizes.hidden
        # The gradients of one layer at a time: of its wide states, and of the narrow ones in
        # float32.
        passing = 3 * size * sizes.inner + 4 * FLOAT * sizes.hidden
        logits = answers * LOGITS * (FLOAT + size) * sizes.vocabulary
        pieces = RATES[self.device.kind].pieces
        return {
            "process": round(self._process + SHAPES if on_cpu else CONTEXT),
            "base": base,
            "adapter": TRAINED_BYTES * sum(self._updates),
            "activations": round(pieces * tokens * (self._kept(size) + passing)),
            "logits": round(pieces * logits),
        }

    def _pass(self, budget: int) -> int:
        """Most tokens of a forward pass: a global batch may have fewer than the budget, and a
        record that is longer has its own."""
        longest = self.work.longest
        return max(min(budget, self.settings.global_batch * longest), longest)

    def _kept(self, size: int) -> float:
        """Bytes that the layers keep of each token for the backward pass."""
        sizes, settings, work = self.sizes, self.settings, self.work
        if self._fused:
            attended = min(work.longest, work.length + BLOCK) if self.device.kind == "cpu" else 0.0
            return sizes.depth * kept_fused(sizes, size, attended)
        layer = kept(sizes, size, settings.dropout > 0)
        # If they are computed again: of each layer its input, and all of one.
        computed_again = sizes.depth * FLOAT * sizes.hidden + layer
        return computed_again if settings.gradient_checkpointing else sizes.depth * layer

    def _seconds(self, budget: int) -> float:
        """Operations over their rate, and starting each layer."""
        sizes, settings, work, device = self.sizes, self.settings, self.work, self.device
        rates = RATES[device.kind]
        flops = sizes.training(self._updates, work.tokens, work.length, work.answer_tokens)
        if settings.gradient_checkpointing:
            flops += sizes.reading(work.tokens, work.length)
        flops += settings.evaluations * sizes.reading(work.validation_tokens, work.length)
        # At least one forward pass a step.
        steps = math.ceil(work.records / settings.global_batch)
        starts = max(steps, work.tokens / self._pass(budget)) * sizes.depth * PASSES * rates.layer
        fast = self._fused if device.kind == "cpu" else settings.packing
        share = rates.fast_training if fast else rates.training
        passes = flops / (device.rate(self.precision.dtype) * share) + starts
        together = 1 + TOGETHER * (self.processes - 1)
        return rates.start + sizes.file_bytes / LOADING + settings.epochs * passes / together

    @property
    def _process(self) -> float:
        """Bytes of a process without a model, in the memory of the machine."""
        records = TOKEN * (self.work.tokens + self.work.validation_tokens)
        return RATES[self.device.kind].process + self.sizes.file_bytes + records

    @property
    def _updates(self) -> tuple[int, int]:
        return self.sizes.updates(self.settings.rank, self.settings.target_modules)

    @property
    def _fused(self) -> bool:
        """Whether the faster layers compute: see `training.fused` in the configuration's schema."""
        settings = self.settings
        return settings.fused and not settings.dropout and not settings.gradient_checkpointing


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
