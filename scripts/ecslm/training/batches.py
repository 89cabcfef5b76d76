"""From records to training steps and micro-batches: tokenising, order, padding or packing."""

import random
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Any, Self

import torch

from ecslm.models.prompts import PromptTemplate, batches_by_length, common_length, encode_prompt
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


@dataclass(frozen=True)
class Packed:
    """Examples one after the other in one row, without padding; see `ecslm.training.attention`."""

    share: bool
    """Whether the common beginning of their prompts is computed once. With dropout, of the adapter
    or of the base, they would share its masks too."""

    def group(self, members: Sequence[int], lengths: Sequence[int], budget: int) -> list[list[int]]:
        """Micro-batches: the longest member first, each into the first one that has room."""
        micros: list[list[int]] = []
        rooms: list[int] = []
        for index in sorted(members, key=lambda index: -lengths[index]):
            length = lengths[index]
            for number, room in enumerate(rooms):
                if length <= room:
                    micros[number].append(index)
                    rooms[number] -= length
                    break
            else:
                micros.append([index])
                rooms.append(budget - length)
        return micros

    def collate(self, examples: Sequence[Example]) -> Batch:
        """`input_ids`, `position_ids`, `labels` and `weights` of tokens in the loss, each (1,
        tokens), and what attention needs:

        - `prefix_tokens`, how many the examples have in common; they come first;
        - `cu_seq_lens_q`, where that prefix, if any, and the rest of each example begin, and the
          number of tokens, and `max_length_q`, the longest of these parts: the names of
          transformers' `FlashAttentionKwargs`;
        - `cu_seq_lens_k` and `max_length_k`, the same of the keys, of which a part after a prefix
          has that too, and with a prefix `key_tokens`, the row's tokens in the order of the keys.
        """
        prefix = self._common(examples)
        tokens = examples[0].prompt[:prefix]
        positions = list(range(prefix))
        labels = [IGNORED] * prefix
        weights = [0.0] * prefix
        for example in examples:
            tokens = tokens + example.prompt[prefix:] + example.answer
            positions += range(prefix, len(example))
            labels += [IGNORED] * (len(example.prompt) - prefix) + example.answer
            weights += [example.token_weight] * (len(example) - prefix)
        rests = [len(example) - prefix for example in examples]
        first = [prefix] if prefix else []
        own, known = [*first, *rests], [*first, *(prefix + rest for rest in rests)]
        batch = {
            "input_ids": torch.tensor([tokens]),
            "position_ids": torch.tensor([positions]),
            "labels": torch.tensor([labels]),
            "weights": torch.tensor([weights]),
            "prefix_tokens": prefix,
            "cu_seq_lens_q": _bounds(own),
            "cu_seq_lens_k": _bounds(known),
            "max_length_q": max(own),
            "max_length_k": max(known),
        }
        if prefix:
            batch["key_tokens"] = _keys(prefix, rests)
        return batch

    def _common(self, examples: Sequence[Example]) -> int:
        """How many tokens are computed once; at least one of each prompt is not."""
        if not self.share or len(examples) < 2:
            return 0
        prompts = [example.prompt[:-1] for example in examples]
        return common_length(min(prompts), max(prompts))


# How the examples of a micro-batch become tensors.
Layout = Padded | Packed


def _bounds(lengths: Sequence[int]) -> torch.Tensor:
    return torch.tensor([0, *accumulate(lengths)], dtype=torch.int32)


def _keys(prefix: int, rests: Sequence[int]) -> torch.Tensor:
    """The tokens of the prefix, then for each example those of the prefix and its own."""
    first = torch.arange(prefix)
    bounds = pairwise(accumulate(rests, initial=prefix))
    parts = [torch.cat([first, torch.arange(start, end)]) for start, end in bounds]
    return torch.cat([first, *parts])
