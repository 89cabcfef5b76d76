"""Answers by likelihood: scores are those of transformers, one candidate after the other."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.model_examples import make_record, prediction_settings
from support.scoring_examples import FIVE, answer_type, prediction

from ecslm.families.transformers.answers.likelihood import Likelihood, log_likelihoods
from ecslm.families.transformers.generation import Engine
from ecslm.families.transformers.network import Network
from ecslm.schemas.task import Answer

TOKENS = st.lists(st.integers(3, 390), min_size=1, max_size=6)
LOGITS = 7


@pytest.fixture(autouse=True)
def small_logits(small_chunks: None, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    monkeypatch.setattr("ecslm.families.transformers.answers.likelihood.LOGITS", LOGITS)


@contextmanager
def noted(layer: torch.nn.Module, rows: list[int]) -> Iterator[None]:
    """Note the rows of each input of a layer."""
    hook = layer.register_forward_pre_hook(lambda _, inputs: rows.append(len(inputs[0])))
    yield
    hook.remove()


def mode(
    tokenizer: Any,
    answer: Answer,
    normalization: str = "none",
    option: str = "text",
    **decoding: Any,
) -> Likelihood:
    limited: dict[str, Any] = {"mode": "likelihood", "type": answer, "option": option}
    limited["normalization"] = normalization
    return Likelihood(prediction_settings(answers=limited, decoding=decoding), tokenizer)


def log_likelihood(model: Any, prompt: list[int], answer: list[int]) -> float:
    """By transformers, in a forward pass of its own."""
    with torch.inference_mode():
        logits = model(torch.tensor([[*prompt, *answer]])).logits[0]
    chances = logits.log_softmax(dim=-1)[len(prompt) - 1 : -1]
    return float(chances.gather(1, torch.tensor(answer)[:, None]).sum())


@st.composite
def batches(draw: st.DrawFn) -> list[tuple[list[int], list[list[int]]]]:
    """Prompts, some with the same beginning, each with its candidates."""
    stems = draw(st.lists(TOKENS, min_size=1, max_size=2))
    prompts = st.tuples(st.sampled_from([[], *stems]), TOKENS).map(lambda two: two[0] + two[1])
    one = st.tuples(prompts, st.lists(TOKENS, min_size=1, max_size=4))
    return draw(st.lists(one, min_size=1, max_size=4))


@settings(max_examples=25)
@given(batches())
def test_the_scores_are_those_of_separate_forward_passes(
    model: Any, batch: list[tuple[list[int], list[list[int]]]]
) -> None:
    read, scored = list[int](), list[int]()
    with noted(model.get_input_embeddings(), read), noted(model.get_output_embeddings(), scored):
        found = log_likelihoods(Network(model), *zip(*batch, strict=True))
    # Memory is needed for no more rows than there are prompts, and no more logits at once.
    assert max(read) <= len(batch) and max(scored) <= max(LOGITS, len(batch))
    for (prompt, candidates), values in zip(batch, found, strict=True):
        expected = [log_likelihood(model, prompt, answer) for answer in candidates]
        assert values == pytest.approx(expected, abs=1e-3)


def best(model: Any, tokenizer: Any, text: str, options: list[str], unit: str) -> int:
    """The option with the highest score."""
    prompt = tokenizer(text)["input_ids"]
    tokens = [tokenizer(option)["input_ids"] for option in options]
    lengths = {
        "none": [1] * len(options),
        "tokens": list(map(len, tokens)),
        "bytes": [len(option.encode()) for option in options],
    }[unit]
    scores = [
        log_likelihood(model, prompt, one) / n for one, n in zip(tokens, lengths, strict=True)
    ]
    return scores.index(max(scores))


STEEL = "B: a stainless steel water bottle"
OPTIONS = ["A: mug", STEEL, "C: wireless headphones, black", "D: \u6f22\u5b57"]
TEXTS = ["a lamp", "Which of these? ", "query: kettle\n\n### Response: ", "B", "stainless ", "x"]


CHOICES: list[tuple[Answer, str, str]] = [
    *(("choice", "text", unit) for unit in ("none", "tokens", "bytes")),
    *(("choice", "letter", "none"), ("yes_no", "text", "none")),
]


@pytest.mark.parametrize(("answer", "option", "unit"), CHOICES)
def test_the_likeliest_of_what_right_answers_are_is_written_as_its_letter(
    model: Any, tokenizer: Any, answer: Answer, option: str, unit: str
) -> None:
    """Where right answers are letters it does not matter how likely the texts are."""
    likelihood = mode(tokenizer, answer, unit, option)
    engine = Engine(model, likelihood, 0)
    form = likelihood.form(make_record(options=OPTIONS))
    prompts = tokenizer(TEXTS)["input_ids"]
    found = engine.generate(prompts, 0, [form] * len(TEXTS))
    written = ["yes", "no"] if answer == "yes_no" else list("ABCD")
    scored = OPTIONS if (answer, option) == ("choice", "text") else written
    expected = [written[best(model, tokenizer, text, scored, unit)] for text in TEXTS]
    assert [one.text for one in found] == expected
    if option == "letter":
        assert expected != ["ABCD"[best(model, tokenizer, text, OPTIONS, unit)] for text in TEXTS]
    assert [one.prompt_tokens for one in found] == list(map(len, prompts))
    assert {(one.tokens, one.finish_reason) for one in found} == {(0, "stop")}


@given(st.lists(st.sampled_from(["mug", "B: x", "a", "", "b.", "A: mug"]), min_size=1, max_size=5))
def test_whatever_the_options_say_each_letter_is_read_as_its_own(
    tokenizer: Any, texts: list[str]
) -> None:
    options = [f"{letter}: {text}" for letter, text in zip("AbCDE", texts, strict=False)]
    form = mode(tokenizer, "choice").form(make_record(options=options))
    read = [answer_type("choice").strict(prediction(one.text, options=options)) for one in form]
    assert read == list("ABCDE"[: len(options)])


def test_a_long_option_has_room_beside_its_prompt(tokenizer: Any) -> None:
    likelihood = mode(tokenizer, "choice", max_new_tokens=5)
    assert likelihood.room(likelihood.form(make_record(options=["A: a"]))) == 5
    longest = max(len(tokenizer(option)["input_ids"]) for option in FIVE)
    assert likelihood.room(likelihood.form(make_record(options=FIVE))) == longest > 5
