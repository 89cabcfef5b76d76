"""Generating answers to the tokenised prompts of a batch, one token of each at a time."""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import torch
from transformers import LogitsProcessorList, TemperatureLogitsWarper, TopPLogitsWarper

from ecslm.prediction.backend import Generated
from ecslm.prediction.network import Network
from ecslm.prediction.prefill import read
from ecslm.prediction.settings import TransformersSettings
from ecslm.schemas.prediction import FinishReason
from ecslm.schemas.record import Record

Choice = Callable[[torch.Tensor, Sequence[int], int], torch.Tensor]
"""Tokens of rows, given their logits (rows x vocabulary), their prompts and the step."""

Limits = Callable[[torch.Tensor, Sequence[int], Sequence[Sequence[int]]], torch.Tensor]
"""Logits of rows with -inf where a token is not allowed, given those of the model (rows x
vocabulary), the prompts of the rows, and the tokens of all answers so far."""


def likeliest(logits: torch.Tensor, _prompts: Sequence[int], _step: int) -> torch.Tensor:
    """The likeliest token of each row."""
    return logits.argmax(dim=-1)


def sampling(temperature: float, top_p: float, numbers: torch.Tensor) -> Choice:
    """Draws tokens by temperature and top-p.

    Args:
        numbers: random numbers from 0 to 1, prompts x steps, float32: each prompt and step has its
            own, so that a draw does not depend on the other prompts.
    """
    warpers = [TemperatureLogitsWarper(temperature), TopPLogitsWarper(top_p)]
    warp, exact = LogitsProcessorList(warpers), numbers.double()

    def drawn(logits: torch.Tensor, prompts: Sequence[int], step: int) -> torch.Tensor:
        # The warpers take the tokens so far but do not read them.
        warped = warp(torch.empty(0, dtype=torch.long), logits)
        sums = warped.double().softmax(dim=-1).cumsum(dim=-1)
        own = exact[list(prompts), step, None].to(sums.device)
        # The first tokens up to which the probabilities add up to more than the numbers.
        return torch.searchsorted(sums, own * sums[:, -1:], right=True)[:, 0]

    return drawn


@torch.inference_mode()
def generate(
    network: Network,
    prompts: Sequence[Sequence[int]],
    end: int,
    limit: int,
    choose: Choice = likeliest,
    limits: Limits | None = None,
) -> list[list[int]]:
    """The tokens of the answer to each prompt, with the token `end` that ends it; at most `limit`.

    A row whose answer is complete leaves the batch.

    Args:
        limits: None: any token may come next.
    """
    answers: list[list[int]] = [[] for _ in prompts]
    batch = read(network, prompts, limit)
    hidden = batch.hidden
    for step in range(limit):
        logits = network.logits(hidden)
        if limits is not None:
            logits = limits(logits, batch.order, answers)
        chosen = choose(network.refined(logits, hidden), batch.order, step).tolist()
        for row, token in zip(batch.order, chosen, strict=True):
            answers[row].append(token)
        going = [place for place, token in enumerate(chosen) if token != end]
        if not going or step + 1 == limit:
            break
        batch.keep(going)
        hidden = network.states(
            network.tensor([[answers[row][-1]] for row in batch.order]),
            batch.mask[:, : batch.cache.get_seq_length() + 1],
            network.tensor([[len(prompts[row]) + step] for row in batch.order]),
            batch.cache,
        )[:, -1]
    return answers


class FreeAnswers:
    """Answers with whatever the model generates; other modes of answering are subclasses."""

    def __init__(self, settings: TransformersSettings, tokenizer: Any) -> None:
        self.settings, self._tokenizer = settings, tokenizer

    def form(self, record: Record) -> Any:  # noqa: ARG002
        """What the answer to a record may be.

        Raises:
            InputError: the record has not what the form is made of, or `max_new_tokens` may cut
                the shortest answer.
        """
        return None

    def room(self, form: Any) -> int:  # noqa: ARG002
        """The most tokens that an answer takes."""
        return self.settings.decoding.max_new_tokens

    def answers(
        self,
        network: Network,
        prompts: Sequence[Sequence[int]],
        forms: Sequence[Any],  # noqa: ARG002
        numbers: torch.Tensor,
    ) -> list[Generated]:
        """Answer the prompts of a batch, in order.

        Args:
            prompts: as tokens.
            forms: of the answers, see `form`.
            numbers: random numbers from 0 to 1, prompts x steps, for decoding that samples.

        Raises:
            torch.OutOfMemoryError: the batch is too large.
        """
        return self.generated(network, prompts, numbers)

    def generated(
        self,
        network: Network,
        prompts: Sequence[Sequence[int]],
        numbers: torch.Tensor,
        limits: Limits | None = None,
    ) -> list[Generated]:
        """Generated answers; the end token is counted, but no part of the text."""
        own, end = self.settings.decoding, self._tokenizer.eos_token_id
        choose: Choice = likeliest
        if own.sample:
            choose = sampling(own.temperature, own.top_p, numbers)
        found = generate(network, prompts, end, own.max_new_tokens, choose, limits)
        answers = []
        for prompt, tokens in zip(prompts, found, strict=True):
            stopped = tokens[-1] == end
            text = self._tokenizer.decode(tokens[:-1] if stopped else tokens)
            reason: FinishReason = "stop" if stopped else "length"
            answers.append(Generated(text, len(prompt), len(tokens), reason))
        return answers


def open_mode(settings: TransformersSettings, tokenizer: Any) -> FreeAnswers:
    """The mode that settings name: the `MODE` of its module.

    It is loaded by name so that its code is in the digest of those predictions alone that use it:
    an edit of one reruns no free generation.
    """
    if settings.mode is None:
        return FreeAnswers(settings, tokenizer)
    found: FreeAnswers = import_module(settings.modules()[-1]).MODE(settings, tokenizer)
    return found
