"""Models of transformers: fused and plain models compute the same; batches, stops and memory."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from support.model_examples import EXACT, PROMPTS, QUANTISED, make_record, prediction_settings
from transformers import AutoTokenizer

from ecslm.common.errors import InputError
from ecslm.families.backend import Generated
from ecslm.families.transformers import generation
from ecslm.families.transformers.generation import Engine, load_model, open_mode
from ecslm.families.transformers.network import Network
from ecslm.models.bases import read_base
from ecslm.models.precision import Precision
from ecslm.models.prompts import PromptTemplate, encode_prompt

CPU = torch.device("cpu")
TOLERANCE = 1e-4
LIMIT = 12
SAMPLED = {"sample": True, "temperature": 1.0, "top_p": 1.0}


@pytest.fixture(scope="module")
def prompts(tokenizer: Any) -> list[list[int]]:
    template = PromptTemplate(PROMPTS / "alpaca.jinja")
    return [encode_prompt(make_record(i), template, 0, tokenizer, 4000).tokens for i in range(6)]


def load(base: Path, adapter: Path | None, precision: dict[str, str], fused: bool) -> Any:
    folder = None if adapter is None else adapter.parent
    return load_model(read_base(base)[1], folder, Precision.model_validate(precision), fused, CPU)


def opened(
    model: Any, tokenizer: Any, seed: int = 0, answers: Any = None, **decoding: Any
) -> Engine:
    """An engine, greedy if nothing else is said."""
    settings = prediction_settings(answers=answers, decoding={"max_new_tokens": LIMIT} | decoding)
    return Engine(model, open_mode(settings, tokenizer), seed)


def logits(model: Any, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
    with torch.inference_mode():
        return torch.cat([model(torch.tensor([prompt])).logits[0] for prompt in prompts])


def difference(one: torch.Tensor, other: torch.Tensor) -> float:
    """Largest difference, as a share of the largest logit."""
    return float((one - other).abs().max() / other.abs().max())


@pytest.mark.parametrize("precision", [QUANTISED, EXACT], ids=["nf4", "none"])
def test_the_fused_model_has_the_logits_of_the_plain_one(
    tiny_base: Path, quantised_adapter: Path, prompts: list[list[int]], precision: dict[str, str]
) -> None:
    plain = logits(load(tiny_base, quantised_adapter, precision, False), prompts)
    fused = logits(load(tiny_base, quantised_adapter, precision, True), prompts)
    assert difference(fused, plain) < TOLERANCE
    assert difference(logits(load(tiny_base, None, precision, True), prompts), plain) > 0.05


@pytest.mark.parametrize("text", ["yes", " a ,  b . n't \n\n", "\u6f22\u5b57 \U0001f600", ""])
def test_the_text_is_untouched_and_the_end_token_is_counted_but_no_part_of_it(
    model: Any, tiny_model: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some Llama tokenizers ask for spaces before punctuation to be removed."""
    cleaning = AutoTokenizer.from_pretrained(tiny_model, clean_up_tokenization_spaces=True)
    tokens = cleaning(text)["input_ids"]
    said = [[*tokens, cleaning.eos_token_id], tokens or [7]]
    monkeypatch.setattr(generation, "generate", lambda *_: said)
    stopped, cut = opened(model, cleaning).generate([[5], [5, 6]], 0)
    assert stopped == Generated(text, 1, len(tokens) + 1, "stop")
    assert cut == Generated(cleaning.decode(said[1]), 2, len(said[1]), "length")
    assert not text or cut.text == text


def test_sampled_answers_follow_the_seed_and_the_batch(
    model: Any, tokenizer: Any, prompts: list[list[int]]
) -> None:
    def sample(seed: int, batch: int) -> list[Generated]:
        return opened(model, tokenizer, seed, **SAMPLED).generate(prompts, batch)

    first = sample(0, 0)
    torch.rand(3)
    assert sample(0, 0) == first
    others = sample(1, 0), sample(0, 1), opened(model, tokenizer).generate(prompts, 0)
    assert first not in others


CUDNN = RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED")


def short_of_memory(
    monkeypatch: pytest.MonkeyPatch, fits: int, error: RuntimeError | None = None
) -> list[int]:
    """Let batches of more than `fits` prompts run out of memory; returns the sizes tried."""
    sizes: list[int] = []
    generate = generation.generate

    def careful(network: Network, prompts: Any, *options: Any) -> list[list[int]]:
        sizes.append(len(prompts))
        if len(prompts) > fits:
            raise error or torch.OutOfMemoryError
        return generate(network, prompts, *options)

    monkeypatch.setattr(generation, "generate", careful)
    return sizes


@pytest.mark.parametrize(
    ("decoding", "error"), [({}, CUDNN), (SAMPLED, None)], ids=["greedy", "sampled"]
)
def test_out_of_memory_can_halve_the_batch_and_counts_it(
    model: Any,
    tokenizer: Any,
    prompts: list[list[int]],
    decoding: dict[str, Any],
    error: RuntimeError | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = opened(model, tokenizer, **decoding).generate(prompts, 0)
    sizes = short_of_memory(monkeypatch, 2, error)
    halving = opened(model, tokenizer, **decoding, oom="halve")
    assert halving.generate(prompts, 0) == expected
    assert sizes == [6, 3, 1, 2, 3, 1, 2]
    assert halving.halved == 3


@pytest.mark.parametrize(("oom", "fits", "sizes"), [("stop", 3, [6]), ("halve", 0, [6, 3, 1])])
def test_out_of_memory_stops_and_names_a_budget_that_would_fit(
    model: Any,
    tokenizer: Any,
    prompts: list[list[int]],
    oom: str,
    fits: int,
    sizes: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A single prompt that does not fit stops even when halving."""
    tried = short_of_memory(monkeypatch, fits)
    with pytest.raises(InputError, match="out of memory with") as caught:
        opened(model, tokenizer, oom=oom).generate(prompts, 0)
    assert tried == sizes
    if oom == "stop":
        budget = 3 * (max(map(len, prompts)) + LIMIT)
        assert f"`batch_tokens: {budget}`" in str(caught.value)


def test_values_that_are_not_finite_are_no_answers(
    model: Any, tokenizer: Any, prompts: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where attention to padding alone gives NaN, which spreads in the next layer."""
    attention = torch.nn.functional.scaled_dot_product_attention

    def of_cudnn(query: torch.Tensor, *options: Any, **named: Any) -> torch.Tensor:
        found = attention(query, *options, **named)
        found[0, :, 0] = torch.nan
        return found

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", of_cudnn)
    with pytest.raises(InputError, match="values that are not finite on cpu"):
        opened(model, tokenizer).generate(prompts, 0)
