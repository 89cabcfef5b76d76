"""Choosing the next token of each row by its logits."""

from collections.abc import Callable, Sequence

import torch
from transformers import LogitsProcessorList, TemperatureLogitsWarper, TopPLogitsWarper

Choice = Callable[[torch.Tensor, Sequence[int], int], torch.Tensor]
"""Tokens of rows, given their logits (rows x vocabulary), their prompts and the step."""


class Likeliest:
    """Takes the likeliest token."""

    def __call__(self, logits: torch.Tensor, _prompts: Sequence[int], _step: int) -> torch.Tensor:
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
