"""From records to training batches: tokenising, planning all steps, padding."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ecslm.models.batching import batches_by_length
from ecslm.models.prompts import PromptTemplate, encode_prompt
from ecslm.schemas.record import Record

IGNORED = -100


@dataclass(frozen=True)
class Example:
    """A tokenised record: the prompt, and the answer with its end-of-text token."""

    task: str
    prompt: list[int]
    answer: list[int]
    truncated: bool

    def __len__(self) -> int:
        return len(self.prompt) + len(self.answer)


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
    lengths: Sequence[int], epochs: int, global_batch: int, budget: int, seed: int
) -> list[list[list[int]]]:
    """Plan all optimiser steps of a training: each is a list of micro-batches of example indices.

    Each epoch is a seeded shuffle cut into global batches (the last may be smaller), each grouped
    into micro-batches by length. A resumed training continues in this plan where it stopped.
    """
    steps = []
    for epoch in range(epochs):
        order = list(range(len(lengths)))
        random.Random(f"{seed}-{epoch}").shuffle(order)
        for start in range(0, len(order), global_batch):
            members = order[start : start + global_batch]
            steps.append(batches_by_length(members, lengths, budget))
    return steps


def collate(examples: Sequence[Example], padding: int) -> dict[str, torch.Tensor]:
    """Pad examples on the right: `input_ids`, `attention_mask` and `labels`, each (batch, longest).

    Labels are masked by position, never by token id: the padding token may be the end-of-text
    token, which is trained.
    """
    longest = max(len(example) for example in examples)
    rows: dict[str, list[list[int]]] = {"input_ids": [], "attention_mask": [], "labels": []}
    for example in examples:
        tokens = example.prompt + example.answer
        pad = longest - len(tokens)
        rows["input_ids"].append(tokens + [padding] * pad)
        rows["attention_mask"].append([1] * len(tokens) + [0] * pad)
        ignored = [IGNORED] * len(example.prompt)
        rows["labels"].append(ignored + example.answer + [IGNORED] * pad)
    return {name: torch.tensor(values) for name, values in rows.items()}
