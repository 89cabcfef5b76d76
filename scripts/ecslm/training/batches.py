"""From records to training steps and batches: tokenising, order, padding."""

import random
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import torch

from ecslm.models.prompts import PromptTemplate, batches_by_length, encode_prompt
from ecslm.schemas.record import Record
from ecslm.training.settings import LossWeights, TrainingSettings

IGNORED = -100

# The arguments of a model's forward pass, and what the loss needs, `LABELLING`.
Batch = dict[str, Any]
LABELLING = ("labels", "weights")


@dataclass(frozen=True)
class Example:
    """A tokenised record: the prompt, and the answer with its end-of-text token."""

    task: str
    prompt: list[int]
    answer: list[int]
    truncated: bool
    token_weight: float = 1.0
    """Weight of each token of the answer in the loss."""

    def __len__(self) -> int:
        return len(self.prompt) + len(self.answer)

    @property
    def weight(self) -> float:
        """What the answer counts in the loss."""
        return self.token_weight * len(self.answer)

    def weighing(self, loss_weights: LossWeights) -> Self:
        """This example with the weight that the setting gives it."""
        each = 1.0 if loss_weights == "tokens" else 1 / len(self.answer)
        return replace(self, token_weight=each)


def encode_example(
    record: Record, template: PromptTemplate, shots: int, tokenizer: Any, max_length: int
) -> Example:
    """Tokenise a record: prompt and answer separately, so that the prompt is as in prediction.

    Raises:
        InputError: instruction, options and answer alone exceed `max_length`.
    """
    answer = tokenizer(record.output, add_special_tokens=False)["input_ids"]
    answer = [*answer, tokenizer.eos_token_id]
    prompt = encode_prompt(record, template, shots, tokenizer, room=max_length - len(answer))
    return Example(record.task, prompt.tokens, answer, prompt.truncated)


def plan_steps(
    examples: Sequence[Example], settings: TrainingSettings, seed: int
) -> list[list[int]]:
    """Plan all optimiser steps of a training: the examples of each by index.

    Each epoch is a seeded order cut into global batches (the last may be smaller). A resumed
    training continues in this plan where it stopped.
    """
    strata: Sequence[Hashable] = range(len(examples))
    if settings.order == "stratified":
        strata = [(example.task, *example.answer) for example in examples]
    batch = settings.global_batch
    steps = []
    for epoch in range(settings.epochs):
        order = stratified_order(strata, random.Random(f"{seed}-{epoch}"))
        steps += [order[start : start + batch] for start in range(0, len(order), batch)]
    return steps


def stratified_order(strata: Sequence[Hashable], rng: random.Random) -> list[int]:
    """A random order of all indices in which those of a stratum are evenly spread.

    Systematic sampling: the n members of a stratum, shuffled, come at the times (i + u) / n, with
    one random u for each stratum. If each has one member, it is a plain shuffle.
    """
    members = defaultdict(list)
    for index, stratum in enumerate(strata):
        members[stratum].append(index)
    times = {}
    for indices in members.values():
        rng.shuffle(indices)
        start = rng.random()
        for place, index in enumerate(indices):
            times[index] = (place + start) / len(indices)
    return sorted(times, key=times.__getitem__)


@dataclass(frozen=True)
class Padded:
    """A row for each example, padded on the right; examples are grouped by length."""

    padding: int

    def group(self, members: Sequence[int], lengths: Sequence[int], budget: int) -> list[list[int]]:
        """Micro-batches of at most `budget` tokens, the longest first; a longer example gets its
        own."""
        return batches_by_length(members, lengths, budget)

    def tokens(self, lengths: Sequence[int]) -> int:
        """What examples of these lengths count against the budget: tokens with padding."""
        return max(lengths) * len(lengths)

    def collate(self, examples: Sequence[Example]) -> Batch:
        """`input_ids`, `attention_mask`, `labels` and `weights` of tokens in the loss, each (batch,
        longest).

        Labels are masked by position, never by token id: the padding token may be the end-of-text
        token, which is trained.
        """
        longest = max(map(len, examples))
        rows: dict[str, list[list[Any]]] = defaultdict(list)
        for example in examples:
            pad = longest - len(example)
            rows["input_ids"].append(example.prompt + example.answer + [self.padding] * pad)
            rows["attention_mask"].append([1] * len(example) + [0] * pad)
            ignored = [IGNORED] * len(example.prompt)
            rows["labels"].append(ignored + example.answer + [IGNORED] * pad)
            rows["weights"].append([example.token_weight] * longest)
        return {name: torch.tensor(values) for name, values in rows.items()}


def on_device(batch: Batch, device: torch.device) -> Batch:
    """A batch with its tensors on a device."""
    return {
        name: value.to(device) if isinstance(value, torch.Tensor) else value
        for name, value in batch.items()
    }
