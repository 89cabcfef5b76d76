"""Generating answers to the tokenised prompts of a batch, one token of each at a time."""

from collections.abc import Sequence
from typing import Protocol

import torch

from ecslm.prediction.choosing import Choice
from ecslm.prediction.network import Network
from ecslm.prediction.prefill import Reader, Reading


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
        self._reader = Reader(network)

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
        batch = self._reader.read(prompts, limit)
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

    def release(self) -> bool:
        """As `Reader.release`."""
        return self._reader.release()


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
