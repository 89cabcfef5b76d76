"""Generating answers to the tokenised prompts of a batch, one token of each at a time."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from transformers import LogitsProcessorList, TemperatureLogitsWarper, TopPLogitsWarper

from ecslm.prediction.backend import Generated
from ecslm.prediction.network import Network
from ecslm.prediction.prefill import Reading, read
from ecslm.prediction.settings import DecodingSettings

Choice = Callable[[torch.Tensor, Sequence[int], int], torch.Tensor]
"""Tokens of rows, given their logits (rows x vocabulary), their prompts and the step."""


def likeliest(logits: torch.Tensor, _prompts: Sequence[int], _step: int) -> torch.Tensor:
    """The likeliest token of each row."""
    return logits.argmax(dim=-1)


class Sampling:
    """Draws a token by temperature and top-p.

    Each prompt and step has its own number, so that a draw does not depend on the other prompts.
    """

    def __init__(self, temperature: float, top_p: float, numbers: torch.Tensor) -> None:
        """
        Args:
            numbers: random numbers from 0 to 1, prompts x steps, float32.
        """
        self._numbers = numbers.double()
        self._warp = LogitsProcessorList(
            [TemperatureLogitsWarper(temperature), TopPLogitsWarper(top_p)]
        )

    def __call__(self, logits: torch.Tensor, prompts: Sequence[int], step: int) -> torch.Tensor:
        """The first tokens up to which the probabilities add up to more than the numbers."""
        # The warpers take the tokens so far but do not read them.
        warped = self._warp(torch.empty(0, dtype=torch.long), logits)
        sums = warped.double().softmax(dim=-1).cumsum(dim=-1)
        numbers = self._numbers[list(prompts), step, None].to(sums.device)
        return torch.searchsorted(sums, numbers * sums[:, -1:], right=True)[:, 0]


class Limits(Protocol):
    """Which tokens may come next."""

    def only(self, logits: torch.Tensor, prompts: Sequence[int], step: int) -> torch.Tensor:
        """Logits (rows x vocabulary) of some prompts, -inf where a token is not allowed."""

    def take(self, prompts: Sequence[int], tokens: Sequence[int]) -> None:
        """Add the chosen token to the answer to each prompt."""


class Generator:
    """Generates answers. A row whose answer is complete leaves the batch."""

    def __init__(self, network: Network, end: int) -> None:
        """
        Args:
            end: the token that ends an answer.
        """
        self._network, self._end = network, end

    @torch.inference_mode()
    def generate(
        self,
        prompts: Sequence[Sequence[int]],
        limit: int,
        choose: Choice,
        limits: Limits | None = None,
    ) -> list[list[int]]:
        """The tokens of the answer to each prompt, with the end token; at most `limit`.

        Args:
            limits: None: any token may come next.
        """
        answers: list[list[int]] = [[] for _ in prompts]
        batch = read(self._network, prompts, limit)
        hidden = batch.hidden
        for step in range(limit):
            logits = self._network.logits(hidden)
            if limits is not None:
                logits = limits.only(logits, batch.order, step)
            chosen = choose(self._network.refined(logits, hidden), batch.order, step)
            tokens = chosen.tolist()
            if limits is not None:
                limits.take(batch.order, tokens)
            for row, token in zip(batch.order, tokens, strict=True):
                answers[row].append(token)
            going = [place for place, token in enumerate(tokens) if token != self._end]
            if not going or step + 1 == limit:
                break
            _keep(batch, going)
            last = [[answers[row][-1]] for row in batch.order]
            positions = [[len(prompts[row]) + step] for row in batch.order]
            hidden = self._network.hidden(
                self._network.tensor(last),
                batch.mask[:, : batch.cache.get_seq_length() + 1],
                self._network.tensor(positions),
                batch.cache,
            )
        return answers


def _keep(batch: Reading, going: list[int]) -> None:
    """Keep the rows in some places: the last ones move to the places that become free."""
    count = len(going)
    if count == len(batch.order):
        return
    sources = [place for place in going if place >= count]
    targets = sorted(set(range(count)) - set(going))
    for source, target in zip(sources, targets, strict=True):
        batch.order[target] = batch.order[source]
    del batch.order[count:]
    if sources:
        batch.mask[targets] = batch.mask[sources]
    batch.mask = batch.mask[:count]
    for layer in batch.cache.layers:
        layer.move(sources, targets, count)


class FreeAnswers:
    """Answers with whatever the model generates."""

    def __init__(self, network: Network, tokenizer: Any, decoding: DecodingSettings) -> None:
        self._generator = Generator(network, tokenizer.eos_token_id)
        self._tokenizer, self._decoding = tokenizer, decoding

    def answers(
        self,
        prompts: Sequence[Sequence[int]],
        _forms: Sequence[Any],
        numbers: torch.Tensor,
        limits: Limits | None = None,
    ) -> list[Generated]:
        """Answer the prompts of a batch, in order; the end token is counted, but no part of the
        text.

        Args:
            numbers: see `Sampling`.
        """
        decoding = self._decoding
        choose: Choice = likeliest
        if decoding.sample:
            choose = Sampling(decoding.temperature, decoding.top_p, numbers)
        found = self._generator.generate(prompts, decoding.max_new_tokens, choose, limits)
        return [
            self._text(len(prompt), tokens) for prompt, tokens in zip(prompts, found, strict=True)
        ]

    def _text(self, prompt_tokens: int, tokens: list[int]) -> Generated:
        stopped = tokens[-1] == self._tokenizer.eos_token_id
        text = self._tokenizer.decode(tokens[:-1] if stopped else tokens)
        return Generated(text, prompt_tokens, len(tokens), "stop" if stopped else "length")
