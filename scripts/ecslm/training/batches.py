"""From records to training batches: tokenising, padding."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

import torch

from ecslm.models.batching import batches_by_length
from ecslm.models.prompts import PromptTemplate, encode_prompt
from ecslm.schemas.record import Record
from ecslm.training.settings import LossWeights

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


def collate(examples: Sequence[Example], padding: int) -> Batch:
    """Pad examples on the right: `input_ids`, `attention_mask`, `labels` and `weights` of tokens in
    the loss, each (batch, longest).

    Labels are masked by position, never by token id: the padding token may be the end-of-text
    token, which is trained.
    """
    longest = max(len(example) for example in examples)
    rows: dict[str, list[list[Any]]] = {
        "input_ids": [],
        "attention_mask": [],
        "labels": [],
        "weights": [],
    }
    for example in examples:
        tokens = example.prompt + example.answer
        pad = longest - len(tokens)
        rows["input_ids"].append(tokens + [padding] * pad)
        rows["attention_mask"].append([1] * len(tokens) + [0] * pad)
        ignored = [IGNORED] * len(example.prompt)
        rows["labels"].append(ignored + example.answer + [IGNORED] * pad)
        rows["weights"].append([example.token_weight] * (len(tokens) + pad))
    return {name: torch.tensor(values) for name, values in rows.items()}


class Layout(Protocol):
    """How the examples of a micro-batch become tensors."""

    def group(self, members: Sequence[int], lengths: Sequence[int], budget: int) -> list[list[int]]:
        """Micro-batches of at most `budget` tokens; a longer example gets its own."""

    def tokens(self, lengths: Sequence[int]) -> int:
        """What examples of these lengths count against the budget in one micro-batch."""

    def collate(self, examples: Sequence[Example]) -> Batch:
        """The tensors of a micro-batch."""


@dataclass(frozen=True)
class Padded:
    """A row for each example, padded on the right; examples are grouped by length."""

    padding: int

    def group(self, members: Sequence[int], lengths: Sequence[int], budget: int) -> list[list[int]]:
        """Micro-batches, the longest first."""
        return batches_by_length(members, lengths, budget)

    def tokens(self, lengths: Sequence[int]) -> int:
        """Tokens with padding."""
        return max(lengths) * len(lengths)

    def collate(self, examples: Sequence[Example]) -> Batch:
        """As `collate`."""
        return collate(examples, self.padding)


def on_device(batch: Batch, device: torch.device) -> Batch:
    """A batch with its tensors on a device."""
    return {
        name: value.to(device) if isinstance(value, torch.Tensor) else value
        for name, value in batch.items()
    }
