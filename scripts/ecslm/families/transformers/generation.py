"""Loading a model for prediction, and generating answers to batches of tokenised prompts, one token
of each prompt at a time."""

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import LogitsProcessorList, TemperatureLogitsWarper, TopPLogitsWarper

from ecslm.common.errors import InputError
from ecslm.families.backend import Generated
from ecslm.families.settings import TransformersSettings
from ecslm.families.transformers.network import Network
from ecslm.families.transformers.prefill import read
from ecslm.models.loading import is_out_of_memory, load_base_model
from ecslm.models.precision import Precision
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

    def limits(self, forms: Sequence[Any]) -> Limits | None:  # noqa: ARG002
        """What limits the answers of a batch."""
        return None

    def answers(
        self,
        network: Network,
        prompts: Sequence[Sequence[int]],
        forms: Sequence[Any],
        numbers: torch.Tensor,
    ) -> list[Generated]:
        """Answer the prompts of a batch, in order; the end token is counted, but no part of the
        text.

        Args:
            prompts: as tokens.
            forms: of the answers, see `form`.
            numbers: random numbers from 0 to 1, prompts x steps, for decoding that samples.

        Raises:
            torch.OutOfMemoryError: the batch is too large.
        """
        own, end = self.settings.decoding, self._tokenizer.eos_token_id
        choose: Choice = likeliest
        if own.sample:
            choose = sampling(own.temperature, own.top_p, numbers)
        found = generate(network, prompts, end, own.max_new_tokens, choose, self.limits(forms))
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


def load_model(
    base_folder: Path,
    adapter_folder: Path | None,
    precision: Precision,
    fused: bool,
    device: torch.device,
) -> Any:
    """Load the base, with an adapter if one is given.

    `fused` dequantises the base and merges the adapter. The output head is first untied from the
    input embedding, since its adapter applies to the head only.
    """
    model = load_base_model(base_folder, precision, device, dequantized=fused)
    if adapter_folder is None:
        return model.eval()
    if fused:
        untie_head(model)
    model = PeftModel.from_pretrained(model, adapter_folder)
    return model.merge_and_unload().eval() if fused else model.eval()


def untie_head(model: Any) -> None:
    """Give the output head its own copy of weights that it shares with the input embedding."""
    head = model.get_output_embeddings()
    if head.weight is model.get_input_embeddings().weight:
        head.weight = torch.nn.Parameter(head.weight.detach().clone(), requires_grad=False)
    model.config.tie_word_embeddings = False


class Engine:
    """Answers batches of tokenised prompts."""

    def __init__(self, model: Any, mode: FreeAnswers, seed: int) -> None:
        """
        Raises:
            InputError: the architecture is not supported.
        """
        self._network, self._mode, self._seed = Network(model), mode, seed
        self._decoding = mode.settings.decoding
        self.halved = 0

    def generate(
        self, prompts: Sequence[Sequence[int]], batch: int, forms: Sequence[Any] | None = None
    ) -> list[Generated]:
        """Answer the prompts of one batch, in order.

        Sampling is seeded by the batch number, so that a resumed job draws the same answers.

        Args:
            forms: of the answers, as the mode has made them.

        Raises:
            InputError: out of memory, unless the decoding has `oom: halve`; or values that are not
                finite.
        """
        seed = (self._seed * 1_000_003 + batch) % 2**63
        size = len(prompts), self._decoding.max_new_tokens
        numbers = torch.rand(size, generator=torch.Generator().manual_seed(seed))
        return self._answers(prompts, forms or [None] * len(prompts), numbers)

    def _answers(
        self, prompts: Sequence[Sequence[int]], forms: Sequence[Any], numbers: torch.Tensor
    ) -> list[Generated]:
        """The answers; `numbers`: see `sampling`."""
        try:
            return self._mode.answers(self._network, prompts, forms, numbers)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
        # The error is gone, whose traceback would keep the tensors of the failed batch.
        torch.cuda.empty_cache()
        decoding = self._decoding
        longest = max(len(prompt) for prompt in prompts) + decoding.max_new_tokens
        if decoding.oom == "stop" or len(prompts) == 1:
            raise InputError(
                f"out of memory with {len(prompts)} prompts of up to {longest} tokens: set "
                f"`batch_tokens: {longest * max(1, len(prompts) // 2)}`, or `oom: halve`"
            )
        self.halved += 1
        half = len(prompts) // 2
        return self._answers(prompts[:half], forms[:half], numbers[:half]) + self._answers(
            prompts[half:], forms[half:], numbers[half:]
        )
