"""Models of transformers: fused and plain models compute the same; batches, stops and memory."""

import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from support.model_examples import EXACT, PROMPTS, QUANTISED, make_record, prediction_settings
from transformers import AutoTokenizer

from ecslm.common.errors import InputError
from ecslm.models.bases import read_base
from ecslm.models.precision import Precision
from ecslm.models.prompts import PromptTemplate, encode_prompt
from ecslm.prediction import prefill
from ecslm.prediction.backend import Generated
from ecslm.prediction.generation import Generator, open_mode
from ecslm.prediction.network import Network, States
from ecslm.prediction.prefill import Prompts
from ecslm.prediction.settings import DecodingSettings
from ecslm.prediction.transformers_engine import Engine, load_model
from ecslm.prediction.transformers_settings import Mode

CPU = torch.device("cpu")
TOLERANCE = 1e-4
GREEDY = DecodingSettings(max_new_tokens=12)


@pytest.fixture(scope="module")
def prompts(tokenizer: Any) -> list[list[int]]:
    template = PromptTemplate(PROMPTS / "alpaca.jinja")
    return [encode_prompt(make_record(i), template, 0, tokenizer, 4000).tokens for i in range(6)]


def load(base: Path, adapter: Path | None, precision: dict[str, str], fused: bool) -> Any:
    folder = None if adapter is None else adapter.parent
    return load_model(read_base(base)[1], folder, Precision.model_validate(precision), fused, CPU)


@pytest.fixture
def base(tiny_base: Path) -> Any:
    return load(tiny_base, None, EXACT, True)


def logits(model: Any, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
    with torch.inference_mode():
        return torch.cat([model(torch.tensor([prompt])).logits[0] for prompt in prompts])


def difference(one: torch.Tensor, other: torch.Tensor) -> float:
    """Largest difference, as a share of the largest logit."""
    return float((one - other).abs().max() / other.abs().max())


@pytest.mark.parametrize("precision", [QUANTISED, EXACT], ids=["nf4", "none"])
def test_the_fused_model_has_the_logits_of_the_plain_one(
    tiny_base: Path,
    quantised_adapter: Path,
    prompts: list[list[int]],
    precision: dict[str, str],
) -> None:
    plain = logits(load(tiny_base, quantised_adapter, precision, False), prompts)
    fused = logits(load(tiny_base, quantised_adapter, precision, True), prompts)
    assert difference(fused, plain) < TOLERANCE
    assert difference(logits(load(tiny_base, None, precision, True), prompts), plain) > 0.05


def speak(monkeypatch: pytest.MonkeyPatch, *answers: list[int]) -> None:
    """Let any model give these answers."""
    monkeypatch.setattr(Generator, "generate", lambda *_: list(answers))


def test_the_end_token_is_counted_but_no_part_of_the_text(
    base: Any, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = tokenizer.eos_token_id
    yes, long = (tokenizer(text)["input_ids"] for text in ("yes", "yes, no, yes"))
    speak(monkeypatch, [*yes, end], long, [end])
    answers = Engine(base, tokenizer, GREEDY, 0).generate([[5], [5, 6], [7]], 0)
    assert answers == [
        Generated("yes", 1, len(yes) + 1, "stop"),
        Generated("yes, no, yes", 2, len(long), "length"),
        Generated("", 1, 1, "stop"),
    ]


@pytest.mark.parametrize("text", [" a ,  b . n't \n\n", "\u6f22\u5b57 \U0001f600", "'s 've , !"])
def test_the_answers_text_is_untouched(
    base: Any, tiny_model: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some Llama tokenizers ask for spaces before punctuation to be removed."""
    cleaning = AutoTokenizer.from_pretrained(tiny_model, clean_up_tokenization_spaces=True)
    speak(monkeypatch, cleaning(text)["input_ids"])
    (answer,) = Engine(base, cleaning, GREEDY, 0).generate([[5]], 0)
    assert answer.text == text


SAMPLED = DecodingSettings(max_new_tokens=12, sample=True, temperature=1.0, top_p=1.0)


def test_sampled_answers_follow_the_seed_and_the_batch(
    base: Any, tokenizer: Any, prompts: list[list[int]]
) -> None:
    def sample(seed: int, batch: int) -> list[Generated]:
        return Engine(base, tokenizer, SAMPLED, seed).generate(prompts, batch)

    first = sample(0, 0)
    torch.rand(3)
    assert sample(0, 0) == first
    assert sample(1, 0) != first
    assert sample(0, 1) != first
    assert first != Engine(base, tokenizer, GREEDY, 0).generate(prompts, 0)


CUDNN = RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED")


def short_of_memory(
    monkeypatch: pytest.MonkeyPatch, fits: int, error: RuntimeError | None = None
) -> list[int]:
    """Let batches of more than `fits` prompts run out of memory; returns the sizes tried."""
    sizes: list[int] = []
    generate = Generator.generate

    def careful(self: Generator, prompts: Prompts, *options: Any) -> list[list[int]]:
        sizes.append(len(prompts))
        if len(prompts) > fits:
            raise error or torch.OutOfMemoryError
        return generate(self, prompts, *options)

    monkeypatch.setattr(Generator, "generate", careful)
    return sizes


@pytest.mark.parametrize(
    ("decoding", "error"), [(GREEDY, CUDNN), (SAMPLED, None)], ids=["greedy", "sampled"]
)
def test_out_of_memory_can_halve_the_batch_and_counts_it(
    base: Any,
    tokenizer: Any,
    prompts: list[list[int]],
    decoding: DecodingSettings,
    error: RuntimeError | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = Engine(base, tokenizer, decoding, 0).generate(prompts, 0)
    sizes = short_of_memory(monkeypatch, 2, error)
    halving = Engine(base, tokenizer, decoding.model_copy(update={"oom": "halve"}), 0)
    assert halving.generate(prompts, 0) == expected
    # The second half once more, without the prefixes of the first.
    assert sizes == [6, 3, 1, 2, 3, 3, 1, 2]
    assert halving.halved == 3


@pytest.mark.parametrize(("oom", "fits", "sizes"), [("stop", 3, [6]), ("halve", 0, [6, 3, 1])])
def test_out_of_memory_stops_and_names_a_budget_that_would_fit(
    base: Any,
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
        Engine(base, tokenizer, GREEDY.model_copy(update={"oom": oom}), 0).generate(prompts, 0)
    assert tried == sizes
    if oom == "stop":
        budget = 3 * (max(map(len, prompts)) + GREEDY.max_new_tokens)
        assert f"`batch_tokens: {budget}`" in str(caught.value)


def test_values_that_are_not_finite_are_no_answers(
    base: Any, tokenizer: Any, prompts: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where attention to padding alone gives NaN, which spreads in the next layer."""
    attention = torch.nn.functional.scaled_dot_product_attention

    def of_cudnn(query: torch.Tensor, *options: Any, **named: Any) -> torch.Tensor:
        found = attention(query, *options, **named)
        found[0, :, 0] = torch.nan
        return found

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", of_cudnn)
    with pytest.raises(InputError, match="values that are not finite on cpu"):
        Engine(base, tokenizer, GREEDY, 0).generate(prompts, 0)


Prefixes = list[weakref.ref[torch.Tensor]]


@pytest.fixture
def prefixes(monkeypatch: pytest.MonkeyPatch) -> Prefixes:
    """Keys and values of the prefixes that prompts have shared; short ones are shared too."""
    found: Prefixes = []
    prefix = prefill._prefix

    def noting(*options: Any) -> States | None:
        states = prefix(*options)
        found.extend(weakref.ref(one) for two in states or [] for one in two)
        return states

    monkeypatch.setitem(prefill.WORTH, "cpu", 3)
    monkeypatch.setattr(prefill, "_prefix", noting)
    return found


def alive(prefixes: Prefixes) -> bool:
    return any(one() is not None for one in prefixes)


def short_beside(monkeypatch: pytest.MonkeyPatch, prefixes: Prefixes, most: int) -> list[int]:
    """Let memory run out beside prefixes that were there, and with more rows than `most`, whose
    prefixes must be gone at the next attempt; returns the rows that failed."""
    earlier, states, failures = list(prefixes), Network.states, list[int]()

    def short(self: Network, tokens: torch.Tensor, *inputs: Any) -> torch.Tensor:
        if alive(earlier) or len(tokens) > most:
            earlier.extend(prefixes)
            failures.append(len(tokens))
            raise torch.OutOfMemoryError
        return states(self, tokens, *inputs)

    monkeypatch.setattr(Network, "states", short)
    return failures


@pytest.mark.parametrize("mode", [None, "likelihood", "constrained"])
def test_prefixes_of_earlier_batches_give_way_to_a_batch_that_does_not_fit_beside_them(
    base: Any,
    tokenizer: Any,
    prompts: list[list[int]],
    prefixes: Prefixes,
    mode: Mode | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is answered whole: half batches would round otherwise."""
    decoding = GREEDY.model_copy(update={"oom": "halve"})
    limited = None if mode is None else {"mode": mode, "type": "yes_no"}
    opened = open_mode(prediction_settings(answers=limited), tokenizer)
    forms = [opened.form(make_record())] * 3
    others = [[7] * 20 + [number, *prompt[1:]] for number, prompt in enumerate(prompts[3:], 40)]
    expected = Engine(base, tokenizer, decoding, 0, opened).generate(others, 1, forms)
    engine = Engine(base, tokenizer, decoding, 0, opened)
    prefixes.clear()
    engine.generate(prompts[:3], 0, forms)
    assert alive(prefixes)
    failures = short_beside(monkeypatch, prefixes, 9)
    assert engine.generate(others, 1, forms) == expected
    assert (len(failures), engine.halved) == (1, 0)


def test_prefixes_of_a_batch_that_does_not_fit_are_released_before_it_is_halved(
    base: Any,
    tokenizer: Any,
    prompts: list[list[int]],
    prefixes: Prefixes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    halving = GREEDY.model_copy(update={"oom": "halve"})
    expected = Engine(base, tokenizer, halving, 0).generate(prompts, 0)
    prefixes.clear()
    failures = short_beside(monkeypatch, prefixes, 2)
    engine = Engine(base, tokenizer, halving, 0)
    assert engine.generate(prompts, 0) == expected
    assert (max(failures), engine.halved) == (6, 3)
