"""Constrained answers are valid whatever the model prefers, and else what it prefers."""

import json
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.model_examples import make_record, prediction_settings
from support.scoring_examples import FIVE, answer_type, prediction
from support.tiny import SENTENCES
from tokenizers import Tokenizer, decoders, models, normalizers, trainers
from transformers import PreTrainedTokenizerFast

from ecslm.common.errors import InputError
from ecslm.families.transformers.answers.constrained import Constrained, Row, allowed
from ecslm.families.transformers.answers.forms import MOST_PRODUCTS
from ecslm.families.transformers.generation import Engine, likeliest
from ecslm.schemas.record import Record
from ecslm.schemas.task import Answer

# Letters of one to four bytes, quotes, backslashes and control characters among them.
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6).filter(str.strip)


def listing(*targets: str, **fields: str) -> str:
    return json.dumps({**fields, "target attributes": " and ".join(targets)})


def products(count: int) -> str:
    listed = [f"{letter}: a mug" for letter in "ABCDEFGHIJK"[:count]]
    return json.dumps({"query": "mug", "product list": listed})


LAMP = make_record(input=listing("Material", "Colour", title="a lamp of steel"))
CARE = make_record(input=listing("Care", "use", "colour"))
RANKED = make_record(input=products(3))
FEELING = make_record(options=FIVE)


@st.composite
def records(draw: st.DrawFn) -> tuple[Answer, Record]:
    """A record of some type of answer."""
    answer = draw(st.sampled_from(["yes_no", "choice", "ranking", "extraction"]))
    fields: dict[str, Any] = {}
    if answer == "choice":
        texts = draw(st.lists(st.sampled_from(["mug", "a", "B: C.", ""]) | NAMES, min_size=1))
        fields["options"] = [f"{'ABCDefghij'[n]}: {text}" for n, text in enumerate(texts[:10])]
    elif answer == "ranking":
        fields["input"] = products(draw(st.integers(1, MOST_PRODUCTS)))
    elif answer == "extraction":
        targets = draw(st.lists(NAMES, min_size=1, max_size=3))
        parts = draw(st.dictionaries(NAMES, NAMES, max_size=2))
        fields["input"] = listing(*targets, **parts)
    return cast(Answer, answer), make_record(**fields)


def mode(tokenizer: Any, answer: Answer, limit: int, **decoding: Any) -> Constrained:
    limited = {"mode": "constrained", "type": answer}
    chosen = prediction_settings(answers=limited, decoding={"max_new_tokens": limit} | decoding)
    return Constrained(chosen, tokenizer)


def pieces() -> PreTrainedTokenizerFast:
    """A tokenizer as that of Llama 2: a space before the text, and bytes for unknown letters."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    spaces = [normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")]
    tokenizer.normalizer = normalizers.Sequence(spaces)
    whole = [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]
    tokenizer.decoder = decoders.Sequence([*whole, decoders.Strip(" ", 1, 0)])
    special = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=450, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator([*SENTENCES, "yes no"], trainer)
    # Bytes are tokens as others, not special ones.
    content = json.loads(tokenizer.to_str())
    content["added_tokens"] = content["added_tokens"][:3]
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(content)),
        eos_token="</s>",
        unk_token="<unk>",
    )


@pytest.fixture(scope="module", params=["bytes", "pieces"])
def any_tokenizer(request: pytest.FixtureRequest) -> Any:
    return pieces() if request.param == "pieces" else request.getfixturevalue("tokenizer")


def written(
    constrained: Constrained, record: Record, wish: Callable[[int], Any]
) -> tuple[str, bool]:
    """What a model writes with the logits `wish` of each step, and whether it was ended."""
    row, tokenizer = constrained.row(constrained.form(record)), constrained._tokenizer
    tokens: list[int] = []
    for step in range(constrained.room(None)):
        logits = allowed([row], wish(step)[None], [0], [tokens])
        tokens += likeliest(logits, [0], step).tolist()
        if tokens[-1] == tokenizer.eos_token_id:
            return tokenizer.decode(tokens[:-1]), row.was_ended
    raise AssertionError(f"no end: {tokenizer.decode(tokens)!r}")


def wishing(tokens: Sequence[int], tokenizer: Any) -> Callable[[int], torch.Tensor]:
    """The logits of a model that prefers these tokens."""
    known = len(tokenizer)
    return lambda step: torch.nn.functional.one_hot(torch.tensor(tokens[step]), known).float()


def test_rows_whose_bits_end_with_a_spare_word_share_a_batch_with_others() -> None:
    bits = [b"\1\0\0\0", b"\2\0\0\0\0\0\0\0"]
    rows = [cast(Row, SimpleNamespace(allowed=lambda _, own=own: own)) for own in bits]
    found = allowed(rows, torch.zeros(2, 32), [0, 1], [[], []])
    assert torch.isfinite(found).nonzero().tolist() == [[0, 0], [1, 1]]


@given(records(), st.integers(0, 60), st.integers(0, 2**32))
def test_the_strict_protocol_reads_every_answer(
    any_tokenizer: Any, example: tuple[Answer, Record], more: int, seed: int
) -> None:
    answer, record = example
    tokenizer = any_tokenizer
    # No token is shorter than a byte, and one more ends the answer.
    needed = mode(tokenizer, answer, 2000).form(record).needed if answer == "extraction" else 60
    constrained = mode(tokenizer, answer, needed + more)
    wishes = torch.Generator().manual_seed(seed)

    def wish(_: int) -> torch.Tensor:
        # A model may have more tokens than its tokenizer. It never wants to end.
        logits = torch.rand(len(tokenizer) + 40, generator=wishes)
        logits[tokenizer.eos_token_id] = -1.0
        return logits

    text, _ = written(constrained, record, wish)
    listed = json.loads(record.input)["product list"] if answer == "ranking" else ()
    scored = prediction(text, options=record.options, relevance=["E"] * len(listed))
    parsed = answer_type(answer).strict(scored)
    assert parsed is not None, text
    if answer == "ranking":
        assert sorted(parsed) == list("ABCDEFGHIJ"[: len(listed)])
    if answer == "extraction":
        fields = json.loads(record.input)
        targets = set(runs(fields["target attributes"].lower()))
        for entry in json.loads(text):
            assert list(entry) == ["attribute", "value", "source"]
            assert entry["attribute"] in targets
            assert entry["source"] in {*fields, "None"} - {"target attributes"}


VALID: list[tuple[Answer, Record, str]] = [
    ("yes_no", make_record(), "yes"),
    ("yes_no", make_record(), "No"),
    ("choice", FEELING, "D"),
    # Nothing says of which two attributes this is.
    *(
        ("extraction", CARE, f'[{{"attribute": "{name}", "value": "None", "source": "None"}}]')
        for name in ("care", "care and use", "use and colour", "care and use and colour")
    ),
    ("ranking", RANKED, "C,A,B"),
    ("ranking", RANKED, "B, A,C"),
    (
        "extraction",
        LAMP,
        '[{"attribute": "colour", "value": "6\\" \u2013 b\u00e4ige \U0001f600", "source": "title"}'
        ', {"attribute": "material", "value": "None", "source": "None"}]',
    ),
]


@pytest.mark.parametrize(("answer", "record", "text"), VALID)
def test_a_valid_answer_that_the_model_prefers_is_left_as_it_is(
    any_tokenizer: Any, answer: Answer, record: Record, text: str
) -> None:
    tokens = any_tokenizer(text, add_special_tokens=False)["input_ids"]
    wish = wishing([*tokens, any_tokenizer.eos_token_id], any_tokenizer)
    constrained = mode(any_tokenizer, answer, len(tokens) + 101)
    assert written(constrained, record, wish) == (text, False)


def runs(targets: str) -> list[str]:
    """All names that a text such as "care and use and colour" may have."""
    words = [word.strip() for word in targets.split(" and ")]
    ends = range(len(words) + 1)
    return [" and ".join(words[start:end]) for end in ends for start in range(end)]


@pytest.mark.parametrize("letter", ["x", "\u00e4", "\U0001f600"])
def test_a_list_without_end_is_ended_in_time_and_counts_as_cut_off(
    tokenizer: Any, letter: str
) -> None:
    """Whatever byte of a letter the limit comes after."""
    begun = tokenizer('[{"attribute": "colour", "value": "')["input_ids"]
    endless = tokenizer(letter * 300)["input_ids"]
    for limit in (120, 121, 122, 123):
        constrained = mode(tokenizer, "extraction", limit)
        text, was_ended = written(constrained, LAMP, wishing([*begun, *endless], tokenizer))
        assert was_ended
        (entry,) = json.loads(text)
        assert entry["value"].startswith(letter * 5)
        assert entry["source"] == "None"


TEXTS = ["a lamp", "Which of these? ", "query: a kettle\n\n### Response: ", "yes or no:"]


@pytest.mark.parametrize("sample", [False, True])
@pytest.mark.parametrize(("answer", "record"), [("choice", FEELING), ("extraction", LAMP)])
def test_an_answer_is_the_same_alone_and_in_a_batch(
    model: Any, tokenizer: Any, answer: Answer, record: Record, sample: bool
) -> None:
    constrained = mode(tokenizer, answer, 75, sample=sample)
    made, form = Engine(model, constrained, 0), constrained.form(record)
    prompts = tokenizer(TEXTS)["input_ids"]
    together = made.generate(prompts, 0, [form] * len(prompts))
    alone = prompts[: 1 if sample else None]
    assert together[: len(alone)] == [made.generate([one], 0, [form])[0] for one in alone]
    for one in together:
        assert (
            answer_type(answer).strict(prediction(one.text, options=record.options)) is not None
        ), one


@pytest.mark.parametrize(
    ("answer", "fields", "line"),
    [
        ("choice", {"options": ["mug"]}, "record r0: .* need options with letters"),
        ("ranking", {"relevance": ["E"]}, "record r0: .* an object whose `product list`"),
        ("ranking", {"input": '{"product list": ["B: mug"]}'}, "has letters A, B, ..."),
        ("ranking", {"input": products(MOST_PRODUCTS + 1)}, "letters A, B, ..., at most 10"),
        ("extraction", {"input": "{}"}, "record r0: .* an object with `target attributes`"),
    ],
)
def test_a_record_without_what_its_answer_is_made_of_is_refused(
    tokenizer: Any, answer: Answer, fields: dict[str, Any], line: str
) -> None:
    with pytest.raises(InputError, match=line):
        mode(tokenizer, answer, 100).form(make_record(**fields))
