"""Answers as texts, from the tokens that a model generates."""

from collections.abc import Sequence
from typing import Any

import torch

from ecslm.prediction.backend import Generated
from ecslm.prediction.choosing import Choice, Likeliest, Sampling
from ecslm.prediction.generation import Generator, Limits
from ecslm.prediction.network import Network
from ecslm.prediction.settings import DecodingSettings


class Writer:
    """Generates texts."""

    def __init__(self, network: Network, tokenizer: Any, decoding: DecodingSettings) -> None:
        self._generator = Generator(network, tokenizer.eos_token_id)
        self._tokenizer, self._limit = tokenizer, decoding.max_new_tokens

    def write(
        self, prompts: Sequence[Sequence[int]], choose: Choice, limits: Limits | None = None
    ) -> list[Generated]:
        """The answer to each prompt; the end token is counted, but no part of the text."""
        answers = self._generator.generate(prompts, self._limit, choose, limits)
        return [
            self._text(len(prompt), tokens) for prompt, tokens in zip(prompts, answers, strict=True)
        ]

    def release(self) -> bool:
        """As `Reader.release`."""
        return self._generator.release()

    def _text(self, prompt_tokens: int, tokens: list[int]) -> Generated:
        stopped = tokens[-1] == self._tokenizer.eos_token_id
        text = self._tokenizer.decode(tokens[:-1] if stopped else tokens)
        return Generated(text, prompt_tokens, len(tokens), stopped)


def choice(decoding: DecodingSettings, numbers: torch.Tensor) -> Choice:
    """How tokens are chosen; `numbers`: see `Sampling`."""
    if decoding.sample:
        return Sampling(decoding.temperature, decoding.top_p, numbers)
    return Likeliest()
