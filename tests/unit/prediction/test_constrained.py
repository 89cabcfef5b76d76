"""Constrained answers are valid whatever the model prefers, and otherwise those that it prefers."""

import json
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.model_examples import make_record
from support.scoring_examples import prediction

from ecslm.common.errors import InputError
from ecslm.models.bases import read_base
from ecslm.models.loading import load_tokenizer
from ecslm.prediction.answers.constrained import Constrained, Grammar, open_mode
from ecslm.prediction.answers.masking import Allowed, Row
from ecslm.prediction.choosing import Likeliest
from ecslm.prediction.settings import DecodingSettings
from ecslm.prediction.transformers_settings import LimitedAnswers, TransformersSettings
from ecslm.schemas.record import Record
from ecslm.schemas.task import Answer
from ecslm.scoring.answers.protocol import answer_type

FIVE = ["A: very positive", "B: positive", "C: neutral", "D: negative", "E: very negative"]
NAMES = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x85"), min_size=1, max_size=6
).filter(lambda name: name.strip())


def listing(*targets: str, **fields: str) -> str:
    return json.dumps({**fields, "target attributes": " and ".join(targets)})


@st.composite
def records(draw: st.DrawFn) -> tuple[Answer, Record]:
    """A record of some type of answer."""
    answer = draw(st.sampled_from(["yes_no", "choice", "ranking", "extraction"]))
    fields: dict[str, Any] = {}
    if answer == "choice":
        texts = draw(st.lists(st.sampled_from(["mug", "a", "B: C.", ""]) | NAMES, min_size=1))
        fields["options"] = [f"{'ABCDefghij'[n % 10]}: {text}" for n, text in enumerate(texts[:10])]
    elif answer == "ranking":
        fields["relevance"] = draw(st.lists(st.sampled_from("ESCI"), min_size=1, max_size=6))
    elif answer == "extraction":
        targets = draw(st.lists(NAMES, min_size=1, max_size=3))
        parts = draw(st.dictionaries(NAMES, NAMES, max_size=2))
        fields["input"] = listing(*targets, **parts)
    return cast(Answer, answer), make_record(**fields)


def mode(tokenizer: Any, answer: Answer, limit: int) -> Constrained:
    answers = LimitedAnswers(mode="constrained", type=answer)
    decoding = DecodingSettings(max_new_tokens=limit)
    return open_mode(TransformersSettings(answers=answers, decoding=decoding), tokenizer)


@pytest.fixture(scope="module")
def tokenizer(tiny_base: Path) -> Any:
    return load_tokenizer(read_base(tiny_base)[1])


def text_of(
    constrained: Constrained, form: Grammar, tokenizer: Any, limit: int, seed: int
) -> tuple[str, Row]:
    """What a model writes that wishes for tokens at random, and for no end."""
    from llguidance import LLMatcher

    row = Row(LLMatcher(constrained._tokens, form.text), form, constrained._tokens)
    choose = Allowed(Likeliest(), [row], limit)
    tokens: list[int] = []
    wishes = torch.Generator().manual_seed(seed)
    for step in range(limit):
        # A model may have more tokens than its tokenizer.
        logits = torch.rand(1, len(tokenizer) + 40, generator=wishes)
        logits[0, tokenizer.eos_token_id] = -1.0
        tokens += choose(logits, [0], step).tolist()
        if tokens[-1] == tokenizer.eos_token_id:
            return tokenizer.decode(tokens[:-1]), row
    raise AssertionError(f"no end: {tokenizer.decode(tokens)!r}")


@settings(max_examples=150)
@given(records(), st.integers(0, 60), st.integers(0, 2**32))
def test_the_strict_protocol_reads_every_answer(
    tokenizer: Any, example: tuple[Answer, Record], more: int, seed: int
) -> None:
    answer, record = example
    needed = mode(tokenizer, answer, 1000).form(record).needed
    constrained = mode(tokenizer, answer, needed + more)
    form = constrained.form(record)
    text, _ = text_of(constrained, form, tokenizer, needed + more, seed)
    scored = prediction(text, options=record.options, relevance=record.relevance)
    parsed = answer_type(answer).strict(scored)
    assert parsed is not None, text
    if answer == "ranking":
        assert record.relevance is not None
        assert sorted(parsed) == list("ABCDEF"[: len(record.relevance)])
    if answer == "extraction":
        fields = json.loads(record.input)
        targets = {name.strip().lower() for name in fields["target attributes"].split(" and ")}
        for entry in json.loads(text):
            assert list(entry) == ["attribute", "value", "source"]
            assert entry["attribute"] in targets
            assert entry["source"] in {*fields, "None"} - {"target attributes"}
    with pytest.raises(InputError, match=f"`max_new_tokens` is {needed - 1}: raise it"):
        mode(tokenizer, answer, needed - 1).form(record)
