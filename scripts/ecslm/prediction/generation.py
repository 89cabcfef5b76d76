"""Generating answers to the tokenised prompts of a batch, one token of each at a time."""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Protocol

import torch
from transformers import LogitsProcessorList, TemperatureLogitsWarper, TopPLogitsWarper

from ecslm.prediction.backend import Generated
from ecslm.prediction.network import Network
from ecslm.prediction.prefill import Reading, read
from ecslm.prediction.settings import DecodingSettings
from ecslm.prediction.transformers_settings import TransformersSettings
from ecslm.schemas.prediction import FinishReason
from ecslm.schemas.record import Record

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
            hidden = self._network.states(
                self._network.tensor(last),
                batch.mask[:, : batch.cache.get_seq_length() + 1],
                self._network.tensor(positions),
                batch.cache,
            )[:, -1]
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
    """Answers with whatever the model generates; other modes of answering are subclasses."""

    def __init__(self, decoding: DecodingSettings, tokenizer: Any) -> None:
        self._decoding, self._tokenizer = decoding, tokenizer

    def form(self, record: Record) -> Any:  # noqa: ARG002
        """What the answer to a record may be.

        Raises:
            InputError: the record has not what the form is made of, or `max_new_tokens` may cut
                the shortest answer.
        """
        return None

    def room(self, form: Any) -> int:  # noqa: ARG002
        """The most tokens that an answer takes."""
        return self._decoding.max_new_tokens

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
        decoding, end = self._decoding, self._tokenizer.eos_token_id
        choose: Choice = likeliest
        if decoding.sample:
            choose = Sampling(decoding.temperature, decoding.top_p, numbers)
        generator = Generator(network, end)
        found = generator.generate(prompts, decoding.max_new_tokens, choose, limits)
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
    if settings.answers is None:
        return FreeAnswers(settings.decoding, tokenizer)
    (module,) = settings.modules()
    found: FreeAnswers = import_module(module).MODE(settings, tokenizer)
    return found
