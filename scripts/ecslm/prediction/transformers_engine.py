"""Loading a model for prediction, and generating answers to batches of tokenised prompts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel

from ecslm.common.errors import InputError
from ecslm.models.loading import is_out_of_memory, load_base_model
from ecslm.models.precision import Precision
from ecslm.prediction.backend import Generated
from ecslm.prediction.generation import FreeAnswers
from ecslm.prediction.network import Network


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
