"""Loading a model for prediction, and generating answers to batches of tokenised prompts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel

from ecslm.common.errors import InputError
from ecslm.models.loading import load_base_model
from ecslm.models.precision import Precision
from ecslm.prediction.backend import Generated
from ecslm.prediction.choosing import Likeliest, Sampling
from ecslm.prediction.generation import Generator
from ecslm.prediction.network import Network
from ecslm.prediction.settings import DecodingSettings


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
    """Generates answers to batches of tokenised prompts."""

    def __init__(self, model: Any, tokenizer: Any, decoding: DecodingSettings, seed: int) -> None:
        """
        Raises:
            InputError: the architecture is not supported.
        """
        self._generator = Generator(Network(model), tokenizer.eos_token_id)
        self._tokenizer, self._decoding, self._seed = tokenizer, decoding, seed
        self.halved = 0

    def generate(self, prompts: Sequence[Sequence[int]], batch: int) -> list[Generated]:
        """Answer the prompts of one batch, in order.

        Sampling is seeded by the batch number, so that a resumed job draws the same answers.

        Raises:
            InputError: out of memory, unless the decoding has `oom: halve`.
        """
        seed = (self._seed * 1_000_003 + batch) % 2**63
        size = len(prompts), self._decoding.max_new_tokens
        numbers = torch.rand(size, generator=torch.Generator().manual_seed(seed))
        answers = self._answers(prompts, numbers)
        return [
            self._answer(len(prompt), row) for prompt, row in zip(prompts, answers, strict=True)
        ]

    def _answers(self, prompts: Sequence[Sequence[int]], numbers: torch.Tensor) -> list[list[int]]:
        """The tokens of the answers; `numbers`: see `Sampling`."""
        decoding = self._decoding
        choose = (
            Sampling(decoding.temperature, decoding.top_p, numbers)
            if decoding.sample
            else Likeliest()
        )
        try:
            return self._generator.generate(prompts, decoding.max_new_tokens, choose)
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
        longest = max(len(prompt) for prompt in prompts) + decoding.max_new_tokens
        if decoding.oom == "stop" or len(prompts) == 1:
            raise InputError(
                f"out of memory with {len(prompts)} prompts of up to {longest} tokens: set "
                f"`batch_tokens: {longest * max(1, len(prompts) // 2)}`, or `oom: halve`"
            )
        self.halved += 1
        half = len(prompts) // 2
        return self._answers(prompts[:half], numbers[:half]) + self._answers(
            prompts[half:], numbers[half:]
        )

    def _answer(self, prompt_tokens: int, tokens: list[int]) -> Generated:
        stopped = tokens[-1] == self._tokenizer.eos_token_id
        text = self._tokenizer.decode(tokens[:-1] if stopped else tokens)
        return Generated(text, prompt_tokens, len(tokens), stopped)
