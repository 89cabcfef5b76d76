"""What a training needs: memory and time, from the model's sizes and the settings.

Counted are the tensors that `training/` keeps: see `_kept` and `_kept_fused`.
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
    """Of prompts and answers."""
    answer_tokens: int
    validation_tokens: int
    """Of the records that an evaluation reads."""
    longest: int
    """Tokens of the longest record."""
    answer_share: float
    """The largest share of answer tokens that the records of a task have."""

    @property
    def length(self) -> float:
        """Tokens of a record, on average."""
        return self.tokens / max(self.records, 1)


def estimate_training(
    sizes: Sizes,
    precision: Precision,
    settings: TrainingSettings,
    work: TrainingWork,
    device: Device,
    processes: int = 1,
) -> Estimate:
    """The needs of one training job.

    The memory is that of `batch_tokens`, and the time that of the budget that a training on the
    device comes down to. With `batch_tokens: auto` a training takes what the device has: the memory
    is the least that is needed, that of the longest record alone.
    """
    budget = work.longest if settings.batch_tokens == "auto" else settings.batch_tokens
    fitting = fitting_budget(sizes, precision, settings, work, device) or budget
    return Estimate(
        device=memory(sizes, precision, settings, work, device, budget),
        host=_host(sizes, precision, settings, work, device, budget),
        seconds=_seconds(sizes, precision, settings, work, device, fitting, processes),
        assumptions=(
            *rates.common(device),
            _share(settings, device),
            rates.PASSES,
            rates.TOKEN,
            *((rates.TOGETHER,) if processes > 1 else ()),
        ),
    )


def memory(
    sizes: Sizes,
    precision: Precision,
    settings: TrainingSettings,
    work: TrainingWork,
    device: Device,
    budget: int,
) -> dict[str, int]:
    """Bytes where the model is, by what they are for, with `budget` tokens in a forward pass."""
    tokens = micro_batch(settings, work, budget)
    size = weights.TYPE_BYTES[precision.dtype]
    answers = math.ceil(work.answer_share * tokens)
    kept = kept_bytes(sizes, precision, settings, work, device) * tokens
    logits = answers * LOGITS * (FLOAT + size) * sizes.vocabulary
    # The gradients of one layer at a time: of its wide states, and of the narrow ones in float32.
    passing = tokens * (3 * size * sizes.inner + 4 * FLOAT * sizes.hidden)
    pieces = rates.PIECES[device.kind].value
    return {
        "process": round(_process(sizes, work, device)),
        "base": _base(sizes, precision, settings),
        "adapter": TRAINED_BYTES * sum(sizes.updates(settings.rank, settings.target_modules)),
        "activations": round(pieces * (kept + passing)),
        "logits": round(pieces * logits),
    }


def micro_batch(settings: TrainingSettings, work: TrainingWork, budget: int) -> int:
    """Most tokens of a forward pass: a global batch may have fewer than the budget, and a record
    that is longer has its own."""
    return max(min(budget, settings.global_batch * work.longest), work.longest)


def fitting_budget(
    sizes: Sizes,
    precision: Precision,
    settings: TrainingSettings,
    work: TrainingWork,
    device: Device,
) -> int | None:
    """The tokens of a forward pass that a training comes down to on a device by halving them; None
    if the longest record does not fit."""
    wanted = settings.batch_tokens
    whole = settings.global_batch * work.longest
    budget = micro_batch(settings, work, whole if wanted == "auto" else wanted)
    while sum(memory(sizes, precision, settings, work, device, budget).values()) > device.memory:
        if budget <= work.longest:
            return None
        budget = max(budget // 2, work.longest)
    return budget


def kept_bytes(
    sizes: Sizes,
    precision: Precision,
    settings: TrainingSettings,
    work: TrainingWork,
    device: Device,
) -> float:
    """Bytes that the layers keep of each token for the backward pass."""
    size = weights.TYPE_BYTES[precision.dtype]
    if _is_fused(settings):
        return sizes.depth * _kept_fused(sizes, size, work, device)
    layer = _kept(sizes, size, settings.dropout > 0)
    if settings.gradient_checkpointing:
        # Of each layer its input, and all of the one that is being computed again.
        return sizes.depth * FLOAT * sizes.hidden + layer
    return sizes.depth * layer


def _kept(sizes: Sizes, size: int, dropout: bool) -> float:
    """Of a layer of transformers' Llama with peft's updates of all its linear layers."""
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
    updates = copy * (inputs + queries + inner)
    return norms + attention + feed_forward + updates


def _kept_fused(sizes: Sizes, size: int, work: TrainingWork, device: Device) -> float:
    """Of a layer of `training/fused_llama.py`."""
    hidden, inner, queries, keys = sizes.hidden, sizes.inner, sizes.queries, sizes.keys
    norms = 2 * FLOAT * hidden
    products = size * (2 * hidden + queries + inner)
    attention: float = size * (2 * queries + 2 * keys)
    if device.kind == "cpu":
        # The weights that each token gives to those before it, by head.
        attention += size * queries / HEAD_SIZE * min(work.longest, work.length + BLOCK)
    return norms + products + attention + 2 * size * inner


def _base(sizes: Sizes, precision: Precision, settings: TrainingSettings) -> int:
    if settings.fused:
        return weights.unpacked(sizes, precision, own_head=False)
    # Of one layer at a time the weights are unpacked.
    size = weights.TYPE_BYTES[precision.dtype]
    one = size * sizes.inner * sizes.hidden if precision.quantization == "nf4" else 0
    return weights.packed(sizes, precision) + one


def _process(sizes: Sizes, work: TrainingWork, device: Device) -> float:
    """Of the process, where that is the memory of the model, else of the device's context."""
    if device.kind == "cuda":
        return rates.CONTEXT.value
    return rates.SHAPES.value + _of_process(sizes, work, device)


def _of_process(sizes: Sizes, work: TrainingWork, device: Device) -> float:
    records = rates.TOKEN.value * (work.tokens + work.validation_tokens)
    # The files of the base are mapped into memory while they are loaded.
    return rates.PROCESS[device.kind].value + weights.in_files(sizes) + records


def _host(
    sizes: Sizes,
    precision: Precision,
    settings: TrainingSettings,
    work: TrainingWork,
    device: Device,
    budget: int,
) -> int:
    if device.kind == "cuda":
        return round(_of_process(sizes, work, device))
    return sum(memory(sizes, precision, settings, work, device, budget).values())


def _seconds(
    sizes: Sizes,
    precision: Precision,
    settings: TrainingSettings,
    work: TrainingWork,
    device: Device,
    budget: int,
    processes: int,
) -> float:
    updates = sizes.updates(settings.rank, settings.target_modules)
    of_pass = operations.training(sizes, updates, work.tokens, work.length, work.answer_tokens)
    if settings.gradient_checkpointing:
        of_pass += operations.reading(sizes, work.tokens, work.length)
    evaluation = operations.reading(sizes, work.validation_tokens, work.length)
    flops = settings.epochs * (of_pass + settings.evaluations * evaluation)
    # At least one forward pass a step.
    steps = math.ceil(work.records / settings.global_batch)
    passes = settings.epochs * max(steps, work.tokens / micro_batch(settings, work, budget))
    starts = passes * sizes.depth * rates.PASSES.value * rates.LAYER[device.kind].value
    rate = device.flops * _share(settings, device).value
    if precision.dtype == "float32" and device.kind == "cuda":
        # Half as many products a second, in TF32; none of the vendors' figures are lower.
        rate /= 2
    computing = flops / rate + starts
    shared = computing / (1 + rates.TOGETHER.value * (processes - 1))
    loading = weights.in_files(sizes) / rates.LOADING.value
    return rates.START[device.kind].value + loading + shared


def _share(settings: TrainingSettings, device: Device) -> Assumption:
    faster = _is_fused(settings) if device.kind == "cpu" else settings.packing
    return rates.TRAINING[device.kind, faster]


def _is_fused(settings: TrainingSettings) -> bool:
    """Whether the faster layers compute: see `training.fused` in the configuration's schema."""
    return settings.fused and not settings.dropout and not settings.gradient_checkpointing
