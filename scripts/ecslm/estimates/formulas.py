"""Estimates what trainings, predictions and BERTScores need: memory and time, from the sizes of the
model and the settings.

Counted are the tensors that `training/` keeps (see `kept`), those of
`prefill.py` and `generation.py` in `families/transformers/`, and for BERTScores the encoder in
float64 on a CPU and in float32 on a GPU.
"""

import math
from collections.abc import Sequence

from ecslm.estimates.estimate import (
    CONTEXT,
    ENCODING,
    FUSED_FLOAT32,
    LOADING,
    RATES,
    WRITING,
    Device,
    Estimate,
    Records,
    halved,
)
from ecslm.estimates.sizes import FLOAT, TYPE_BYTES, Sizes
from ecslm.families.settings import DecodingSettings
from ecslm.models.precision import Precision
from ecslm.training.settings import TrainingSettings

# Training

# Weight, gradient and the two moments of Adam of a trained parameter, each in float32; and while
# gradients are clipped or the best checkpoint is read, one more.
TRAINED_BYTES = 5 * FLOAT
# Logits of an answer token: themselves, their logarithms of probabilities, the gradient, and the
# update that is added to them; each in float32, and in the type of the weights.
LOGITS = 4
# On a CPU fused layers keep the weights of attention, for so many queries at a time:
# `fused.BLOCK`. Heads of nearly all architectures have this size.
BLOCK, HEAD_SIZE = 256, 64
# On a CPU, products of each new shape leave something behind, and a training has hundreds: bytes,
# measured. Bytes of a token of the records, as a number in a list of Python; assumed, as what
# follows.
SHAPES, TOKEN = 0.4e9, 60
# Starts of a layer in a step: a forward and a backward pass with updates, against a forward pass.
PASSES = 4

# Prediction

# Tokens that are read at once, as in `families/transformers/prefill.py`, which loads torch.
CHUNK = {"cpu": 1024, "cuda": 16384}
# Prefixes that the prompts of a batch share, and tokens of one, about.
PREFIXES, PREFIX = 64, 128
# Logits of a row: themselves, in float32, and what of them is sorted or compared.
ANSWERED = 3
# Tokens of answers whose logits are computed at once, as in `likelihood.py` of the answers in
# `families/transformers/`.
SCORED = 1024

# BERTScore

# As in `scoring/bertscore.py`, which loads torch.
ENCODER = {"cpu": ("float64", 8), "cuda": ("float32", FLOAT)}
# Weights of an encoder of unknown size, FacebookAI/roberta-large. That share of them is multiplied:
# not those of embeddings, nor of layers above the one that is matched.
ROBERTA_LARGE, COMPUTED = 355_000_000, 0.6
# Numbers in its states for 16 texts of 512 tokens, and in the embeddings of 128 pairs.
STATES = 375 * 10**6


def estimate_training(
    sizes: Sizes,
    precision: Precision,
    settings: TrainingSettings,
    work: Sequence[Records],
    validation_tokens: int,
    device: Device,
    processes: int = 1,
) -> Estimate:
    """Estimate the training of one adapter.

    The memory is that of `batch_tokens`, and the time that of the budget that a training on the
    device comes down to. With `batch_tokens: auto` a training takes what the device has: the
    memory is the least that is needed, that of the longest record alone. Where that does not fit
    into a GPU, a training computes activations again, and so does the estimate.

    Args:
        work: the records of one pass, by task.
        validation_tokens: tokens of the records that an evaluation reads.
        device: a device of this type; several `processes` train together, each on its own device
            and with its own model.
    """
    size, rates = TYPE_BYTES[precision.dtype], RATES[device.kind]
    count, longest = sum(one.count for one in work), max(one.longest for one in work)
    tokens = round(sum(one.count * one.length for one in work))
    answer_tokens = round(sum(one.count * one.answer for one in work))
    length = tokens / max(count, 1)
    updates = sizes.updates(settings.rank, settings.target_modules)
    fused = settings.fused and not settings.dropout and not settings.gradient_checkpointing
    # Of a process without a model, in the memory of the machine.
    process = rates.process + sizes.file_bytes + TOKEN * (tokens + validation_tokens)

    def of_pass(budget: int) -> int:
        """Most tokens of a forward pass: a global batch may have fewer than the budget, and a
        record that is longer has its own."""
        return max(min(budget, settings.global_batch * longest), longest)

    def memory(budget: int) -> dict[str, int]:
        """Bytes where the model is: weights, what is kept for the backward pass, and the logits,
        with `budget` tokens in a pass."""
        passed = of_pass(budget)
        # In the records of the task where they have the largest share.
        answers = math.ceil(max(one.answer / one.length for one in work) * passed)
        attended = min(longest, length + BLOCK) if device.kind == "cpu" else 0.0
        # On a GPU what updates multiply has the type of all products, see `training/mixed.py`.
        entry = size if device.kind == "cuda" else FLOAT
        layer = kept(sizes, size, settings.dropout > 0, attended if fused else None, entry)
        of_token = sizes.depth * layer
        if settings.gradient_checkpointing:
            # Of each layer its input, and all of one.
            of_token = sizes.depth * FLOAT * sizes.hidden + layer
        # The gradients of one layer at a time: of its wide states, and of the narrow ones in
        # float32.
        passing = 3 * size * sizes.inner + 4 * FLOAT * sizes.hidden
        logits = answers * LOGITS * (FLOAT + size) * sizes.vocabulary
        return {
            "process": round(process + SHAPES if device.kind == "cpu" else CONTEXT),
            "base": sizes.loaded(precision, settings.fused),
            "adapter": TRAINED_BYTES * sum(updates),
            "activations": round(rates.pieces * passed * (of_token + passing)),
            "logits": round(rates.pieces * logits),
        }

    def seconds(budget: int) -> float:
        """Operations over their rate, and starting each layer."""
        flops = sizes.training(updates, tokens, length, answer_tokens)
        if settings.gradient_checkpointing:
            flops += sizes.reading(tokens, length)
        flops += settings.evaluations * sizes.reading(validation_tokens, length)
        # At least one forward pass a step.
        passes = max(math.ceil(count / settings.global_batch), tokens / of_pass(budget))
        fast = fused if device.kind == "cpu" else settings.packing
        share = rates.fast_training if fast else rates.training
        if fused and device.rate(precision.dtype) <= device.rate("float32"):
            share = max(share, FUSED_FLOAT32)
        epoch = flops / (device.rate(precision.dtype) * share)
        epoch += passes * sizes.depth * PASSES * rates.layer
        return rates.start + sizes.file_bytes / LOADING + settings.epochs * epoch / processes

    wanted = settings.batch_tokens
    configured = longest if wanted == "auto" else wanted
    fitting = halved(of_pass(configured), longest, memory, device.memory)
    if fitting is None and device.kind == "cuda" and not settings.gradient_checkpointing:
        again = settings.model_copy(update={"gradient_checkpointing": True})
        return estimate_training(
            sizes, precision, again, work, validation_tokens, device, processes
        )
    if fitting and wanted == "auto":
        # As trainings find it, by trying half as many copies of a record more each time.
        most, tried = longest * min(count, settings.global_batch), 2
        while (more := longest * tried) <= most and sum(memory(more).values()) <= device.memory:
            fitting, tried = more, tried + tried // 2
    parts = memory(configured)
    host = sum(parts.values()) if device.kind == "cpu" else round(process)
    return Estimate(parts, processes * host, seconds(fitting or configured), fitting)


def kept(sizes: Sizes, size: int, dropout: bool, fused: float | None, entry: int = FLOAT) -> float:
    """Bytes that a layer keeps of a token: one of transformers' Llama, all of whose linear layers
    have peft's updates, or one of `training/fused.py`. Compiled layers are taken to keep no more.

    Args:
        size: bytes of a number, of the type of computation.
        fused: None where layers are not; else the tokens whose weights of attention are kept, for
            each head, 0 where a kernel computes them again.
        entry: bytes of a number that an update multiplies.
    """
    hidden, inner, queries, keys = sizes.hidden, sizes.inner, sizes.queries, sizes.keys
    # Both norms compute in float32.
    norms = 2 * FLOAT * hidden
    if fused is not None:
        attention = 2 * queries + 2 * keys + queries / HEAD_SIZE * fused
        return norms + size * (2 * hidden + queries + inner + attention + 2 * inner)
    # Queries, keys and values as attention reads them, and its output; the gate, its activation,
    # and what that is multiplied with.
    states = size * (2 * queries + 2 * max(keys, queries) + 3 * inner)
    # What an update multiplies, with a mask of one byte if some of it is dropped. Only as it is,
    # neither in another type nor with dropout, do updates of one input share it.
    inputs = 2 * hidden if size == entry and not dropout else 5 * hidden
    return norms + states + (entry + dropout) * (inputs + queries + inner)


def estimate_predictions(
    sizes: Sizes,
    precision: Precision,
    decoding: DecodingSettings,
    batch_tokens: int,
    work: Records,
    trained: int,
    device: Device,
    loads: bool = True,
    copied: bool = False,
) -> Estimate:
    """Estimate the answers of one model and seed to one task.

    The memory is that of `batch_tokens`, and the time that of the batches that the device comes
    down to by halving; where even the longest prompt does not fit, that of `batch_tokens`, too.

    Args:
        work: the prompts, and the answers that the model gives; memory is kept for
            `max_new_tokens`.
        trained: parameters of the adapter; 0 without one.
        loads: whether the job imports libraries and loads the model, which one job does for all
            others.
        copied: whether each answer that is scored has a copy of its prompt's keys and values, and
            all of its logits, as where the likeliest of some answers is chosen.
    """
    rates, size = RATES[device.kind], TYPE_BYTES[precision.dtype]
    fused, longest_answer = decoding.fused, decoding.max_new_tokens
    # Tokens of a prompt with the room for its answer: on average, and of the longest.
    row, longest = work.prompt + longest_answer, work.longest_prompt + longest_answer
    # Bytes of the keys and values of a token.
    state = 2 * size * sizes.depth * sizes.keys
    process = round(rates.process + sizes.file_bytes)
    on_cpu, chunk = device.kind == "cpu", CHUNK[device.kind]

    def memory(budget: int) -> dict[str, int]:
        """Bytes where the model is: weights, keys and values, the states of what is read."""
        rows = min(max(budget // max(round(row), 1), 1), work.count)
        logits = max(rows, SCORED) if copied else rows
        tokens = min(max(budget, longest), work.count * longest)
        read = min(max(chunk, longest), tokens)
        cached = min(PREFIXES, work.count) * PREFIX + copied * tokens
        # A token that is read: its states before and after a layer, in float32 where a norm
        # computes, and the wide states inside, of one layer at a time.
        reading = 3 * FLOAT * sizes.hidden + size * (3 * sizes.inner + 4 * sizes.queries)
        return {
            "process": process if on_cpu else round(CONTEXT),
            "base": sizes.loaded(precision, fused, own_head=trained > 0),
            "adapter": FLOAT * trained,
            "keys and values": round(rates.pieces * state * (tokens + read + cached)),
            "states": round(rates.pieces * read * reading),
            "logits": round(rates.pieces * logits * ANSWERED * FLOAT * sizes.vocabulary),
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
        computed = sizes.reading(read, work.prompt) + sizes.writing(written, row)
        rate = device.rate(precision.dtype) * rates.reading
        return computed / rate + moved / (device.bandwidth_gb_s * 1e9 * WRITING) + starts

    fitting = halved(batch_tokens, longest, memory, device.memory)
    parts, loading = memory(batch_tokens), rates.start + sizes.file_bytes / LOADING
    host = sum(parts.values()) if on_cpu else process
    return Estimate(parts, host, loads * loading + seconds(fitting or batch_tokens), fitting)


def estimate_bertscore(weights: int, texts: int, tokens: float, device: Device) -> Estimate:
    """The needs of one BERTScore job, at most: of texts as long as the encoder reads.

    Args:
        weights: of the encoder.
        texts: predictions and references.
        tokens: of a text, on average.
    """
    rates, (dtype, size) = RATES[device.kind], ENCODER[device.kind]
    # Its files are mapped into memory, and turned into its type matrix by matrix.
    process = round(rates.process + FLOAT * weights)
    parts = {"encoder": size * weights, "states": size * STATES}
    parts["process"] = process if device.kind == "cpu" else round(CONTEXT)
    host = sum(parts.values()) if device.kind == "cpu" else process + parts["states"]
    flops = texts * tokens * 2 * COMPUTED * weights
    seconds = rates.start + FLOAT * weights / LOADING + flops / (device.rate(dtype) * ENCODING)
    return Estimate(parts, host, seconds)
