"""Comparing an exported model with its base and adapter: answers to test records, and logits."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ecslm.common.errors import InputError
from ecslm.exports.equality import Answer, AnsweredTwice, LogitsEquality
from ecslm.models.loading import load_tokenizer
from ecslm.prediction.answers.protocol import open_mode
from ecslm.prediction.backend import Generated, Request
from ecslm.prediction.transformers_backend import (
    FormedPrompt,
    LoadedWeights,
    TransformersBackend,
)
from ecslm.prediction.transformers_engine import Engine
from ecslm.prediction.transformers_settings import TransformersSettings
from ecslm.schemas.record import Record

# Largest difference of logits, as a share of the largest. Rounding alone gives less: 1.2 % was
# measured of SmolLM2-135M in bfloat16, and a merge into a tied head is off by much more.
TOLERANCE = {"float32": 1e-4, "bfloat16": 0.05}


@dataclass(frozen=True)
class Asked:
    """Test records of one task, their prompts and batches, and how base and adapter answered."""

    request: Request[TransformersSettings]
    records: Sequence[Record]
    prompts: Sequence[FormedPrompt]
    batches: Sequence[Sequence[int]]
    answers: Sequence[Generated]


def ask_adapter(
    request: Request[TransformersSettings],
    loaded: LoadedWeights,
    records: Sequence[Record],
    count: int,
) -> Asked:
    """Have the base with the adapter answer some records, as in the study.

    Args:
        count: how many records, evenly spaced, so that each setting has its share.

    Raises:
        InputError: the base or the adapter was altered, or they do not match.
    """
    backend = TransformersBackend(request, loaded)
    own = [record for record in records if request.settings.asks(record)]
    chosen = [own[i * len(own) // count] for i in range(count)] if count < len(own) else own
    prompts = backend.prompts(chosen)
    batches = backend.batches(prompts)
    model = backend.load()
    answers = _in_order(
        batches,
        lambda number, members: model.generate(
            [prompts[i] for i in members], number, lambda _: None
        ),
    )
    return Asked(request, chosen, prompts, batches, answers)


def answered_twice(model: Any, folder: Path, asked: Asked) -> Iterator[AnsweredTwice]:
    """The same records, answered by the exported model with its own tokenizer.

    Raises:
        InputError: its tokenizer reads a prompt as other tokens than that of the base.
    """
    tokenizer, settings = load_tokenizer(folder), asked.request.settings
    for prompt in asked.prompts:
        if tokenizer(prompt.text, add_special_tokens=False)["input_ids"] != prompt.tokens:
            raise InputError(f"{folder}: the exported tokenizer differs from that of the base")
    limited = settings.answers
    mode = None if limited is None else open_mode(settings, tokenizer)
    engine = Engine(model, tokenizer, settings.decoding, asked.request.seed, mode)

    def generate(number: int, members: Sequence[int]) -> list[Generated]:
        prompts = [asked.prompts[i] for i in members]
        return engine.generate([p.tokens for p in prompts], number, [p.form for p in prompts])

    answers = _in_order(asked.batches, generate)
    for record, one, other in zip(asked.records, asked.answers, answers, strict=True):
        yield AnsweredTwice(
            id=record.id,
            sample_id=record.sample_id,
            task=record.task,
            setting=record.setting,
            reference=record.output,
            options=record.options,
            relevance=record.relevance,
            adapter=_answer(one),
            exported=_answer(other),
        )


@torch.inference_mode()
def next_logits(model: Any, asked: Sequence[Asked]) -> torch.Tensor:
    """Logits of the token after each prompt, prompts x vocabulary, in float32."""
    rows = [
        model(torch.tensor([prompt.tokens], device=model.device), logits_to_keep=1).logits[0, -1]
        for one in asked
        for prompt in one.prompts
    ]
    return torch.stack(rows).float().cpu()


def compared(found: torch.Tensor, expected: torch.Tensor, dtype: str) -> LogitsEquality:
    """The logits of the exported model against those of the base with the adapter.

    Raises:
        InputError: they differ by more than rounding.
    """
    result = LogitsEquality(
        prompts=len(expected),
        largest=float(expected.abs().max()),
        largest_difference=float((found - expected).abs().max()),
        tolerance=TOLERANCE[dtype],
    )
    if not result.share <= result.tolerance:
        raise InputError(
            f"the merged model is not equal to the base with the adapter: logits differ by "
            f"{result.share:.2%} of the largest, and rounding in {dtype} by at most "
            f"{result.tolerance:.2%}: nothing is exported"
        )
    return result


def _in_order(
    batches: Sequence[Sequence[int]],
    generate: Callable[[int, Sequence[int]], Sequence[Generated]],
) -> list[Generated]:
    """The answers of all batches, in the order of the prompts."""
    found: dict[int, Generated] = {}
    for number, members in enumerate(batches):
        found |= zip(members, generate(number, members), strict=True)
    return [found[i] for i in range(len(found))]


def _answer(generated: Generated) -> Answer:
    return Answer(text=generated.text, finish_reason="stop" if generated.stopped else "length")
