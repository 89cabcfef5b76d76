"""Loading a model for prediction, and generating answers to batches of tokenised prompts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from peft import PeftModel

from ecslm.common.errors import InputError
from ecslm.models.loading import load_base_model
from ecslm.models.precision import Precision
from ecslm.prediction.backend import Generated
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
        self._model, self._tokenizer, self._decoding, self._seed = model, tokenizer, decoding, seed
        self.halved = 0

    def generate(self, prompts: Sequence[Sequence[int]], batch: int) -> list[Generated]:
        """Answer the prompts of one batch, in order.

        Sampling is seeded by the batch number, so that a resumed job draws the same answers.

        Raises:
            InputError: out of memory, unless the decoding has `oom: halve`.
        """
        if self._decoding.sample:
            # Seeds of NumPy have at most 32 bits.
            transformers.set_seed((self._seed * 1_000_003 + batch) % 2**32)
        try:
            return self._generate(prompts)
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
        longest = max(len(prompt) for prompt in prompts) + self._decoding.max_new_tokens
        if self._decoding.oom == "stop" or len(prompts) == 1:
            raise InputError(
                f"out of memory with {len(prompts)} prompts of up to {longest} tokens: set "
                f"`batch_tokens: {longest * max(1, len(prompts) // 2)}`, or `oom: halve`"
            )
        self.halved += 1
        half = len(prompts) // 2
        return self.generate(prompts[:half], batch) + self.generate(prompts[half:], batch)

    def _generate(self, prompts: Sequence[Sequence[int]]) -> list[Generated]:
        decoding, tokenizer = self._decoding, self._tokenizer
        longest = max(len(prompt) for prompt in prompts)
        padding = tokenizer.eos_token_id
        rows = [[padding] * (longest - len(prompt)) + list(prompt) for prompt in prompts]
        mask = [[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts]
        sampling: dict[str, Any] = (
            {"do_sample": True, "temperature": decoding.temperature, "top_p": decoding.top_p}
            if decoding.sample
            else {"do_sample": False}
        )
        device = self._model.device
        with torch.inference_mode():
            sequences = self._model.generate(
                input_ids=torch.tensor(rows, device=device),
                attention_mask=torch.tensor(mask, device=device),
                max_new_tokens=decoding.max_new_tokens,
                eos_token_id=tokenizer.eos_token_id,
                pad_token_id=padding,
                **sampling,
            )
        rows = sequences[:, longest:].tolist()
        return [self._answer(len(prompt), row) for prompt, row in zip(prompts, rows, strict=True)]

    def _answer(self, prompt_tokens: int, tokens: list[int]) -> Generated:
        end = self._tokenizer.eos_token_id
        stopped = end in tokens
        answer = tokens[: tokens.index(end)] if stopped else tokens
        text = self._tokenizer.decode(answer)
        return Generated(text, prompt_tokens, len(answer) + stopped, stopped)
