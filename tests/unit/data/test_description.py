"""The description of a task's records: counts, labels, token lengths, truncated inputs."""

from pathlib import Path
from typing import Any

import pytest
from support.model_examples import PROMPTS, TEMPLATES, make_record
from support.scoring_examples import FIVE, IND, TWENTY
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from tokenizers.processors import TemplateProcessing

from ecslm.data import description
from ecslm.data.description import SettingDescription, TaskDescription, describe
from ecslm.data.settings import DescriptionSettings
from ecslm.models.architecture import Architecture
from ecslm.models.loading import load_tokenizer
from ecslm.models.prompts import PromptTemplate, encode_prompt
from ecslm.schemas.record import Record
from ecslm.training.batches import encode_example

ALPACA = PromptTemplate(PROMPTS / "alpaca.jinja")

# Words of the Alpaca wording: two sentences (16 and 7), then three headings of two.
WORDING = 16 + 7 + 3 * 2

SETTINGS = {
    "answer": "yes_no",
    "tokenizer": "words",
    "training_max_length": 400,
    "prediction_max_length": 300,
    "max_new_tokens": 40,
}


def word_tokenizer(folder: Path) -> Path:
    """A token for each word, and one at the start that no prompt is to have."""
    tokenizer = Tokenizer(WordLevel({"?": 0, "[START]": 1}, unk_token="?"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.post_processor = TemplateProcessing(
        single="[START] $A", special_tokens=[("[START]", 1)]
    )
    tokenizer.enable_truncation(5)
    path = folder / "tokenizer.json"
    tokenizer.save(str(path))
    return path


@pytest.fixture
def words(tmp_path: Path) -> Tokenizer:
    return description.load_tokenizer(word_tokenizer(tmp_path))


def describe_as(
    answer: str, records: list[Record], tokenizer: Tokenizer, **changes: Any
) -> TaskDescription:
    window = changes.pop("window", None)
    settings = DescriptionSettings.model_validate(SETTINGS | {"answer": answer} | changes)
    return describe(records, ALPACA, tokenizer, settings, base_of(window))


def base_of(window: int | None = None) -> Architecture:
    return Architecture({}, depth=2, window=window)


def only(found: TaskDescription) -> SettingDescription:
    """The description of the only split and setting."""
    ((by_setting,),) = [found.splits.values()]
    (group,) = by_setting.values()
    return group


def answered(outputs: list[str], options: list[str] | None = None, **fields: Any) -> list[Record]:
    return [make_record(output=output, options=options, **fields) for output in outputs]


def test_answers_that_are_classes_are_counted(words: Tokenizer) -> None:
    labels = only(describe_as("yes_no", answered(["yes", "no", "yes"]), words)).labels
    assert list((labels or {}).items()) == [("no", 1), ("yes", 2)]
    outputs = ["B", "B: positive", "A: very positive"]
    assert only(describe_as("choice", answered(outputs, FIVE), words)).labels == {"A": 1, "B": 2}
    # Places in a long list are none.
    assert (
        only(describe_as("choice", answered(list("ABCDEFGHIJ"), TWENTY), words)).labels is not None
    )
    many, few = answered(list("ABCDEFGHIJK"), TWENTY), answered(["A"], TWENTY, split="test")
    splits = describe_as("choice", many + few, words).splits
    assert [splits["train"][IND].labels, splits["test"][IND].labels] == [None, None]
    for answer in ("ranking", "extraction", "generation"):
        assert only(describe_as(answer, answered(["yes", "no"]), words)).labels is None


def test_options_are_those_of_all_records_and_the_first_one_is_the_example(
    words: Tokenizer,
) -> None:
    options = ["A: good", "B: bad"]
    found = describe_as("choice", answered(["A", "B"], options), words)
    assert list(found.options or ()) == found.example["options"] == options
    assert found.example["output"] == "A"
    mixed = [*answered(["A"], options), *answered(["A"], [*options, "C: so"])]
    assert describe_as("choice", mixed, words).options is None


def test_lengths_are_of_whole_texts_and_a_quantile_is_the_smallest_that_its_share_does_not_exceed(
    words: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = make_record(instruction="Compare both.", input="a lamp and a chair", options=None)
    lengths = only(describe_as("yes_no", [record], words)).prompt_tokens
    assert set(lengths.values()) == {WORDING + 2 + 5}
    monkeypatch.setattr(description, "CHUNK", 7)
    outputs = ["word " * count for count in range(200, 0, -1)]
    lengths = only(describe_as("generation", answered(outputs), words)).answer_tokens
    assert lengths == {"min": 1, "p50": 100, "p95": 190, "p99": 198, "max": 200}


def test_an_input_is_cut_where_the_model_reads_no_more(words: Tokenizer) -> None:
    """As prediction cuts it: a base by its window, an adapter by the texts that it learned from."""
    long = {"instruction": "Tell.", "input": " ".join(["word"] * 180), "options": None}
    for window, adapter, most in ((None, None, 300), (200, None, 200), (200, 400, 300)):
        changes = {"window": window, "adapter_max_length": adapter}
        found = only(describe_as("yes_no", [make_record(split="test", **long)], words, **changes))
        assert (found.room, found.truncated) == (most - 40, int(most - 40 < WORDING + 181))
        assert only(describe_as("yes_no", [make_record()], words, **changes)).room == 400
    # A training example ends with the answer and the end token.
    for spare, cut in ((1, 1), (2, 0)):
        changes = {"training_max_length": WORDING + 181 + spare}
        train = [make_record(output="yes", **long)]
        assert only(describe_as("yes_no", train, words, **changes)).truncated == cut


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("spare", [0, 10, 400])
def test_training_and_prediction_cut_as_many_inputs(
    tiny_model: Path, name: str, spare: int
) -> None:
    template = PromptTemplate(PROMPTS / f"{name}.jinja")
    tokenizer = load_tokenizer(tiny_model)
    records = [make_record(number) for number in range(10)]
    records += [make_record(number, split="test") for number in range(10)]

    def tokens(text: str) -> int:
        return len(tokenizer(text, add_special_tokens=False)["input_ids"])

    max_length = spare + max(
        tokens(template.render(record, 0, "")) + tokens(record.output) + 1 for record in records
    )
    lengths = {"training_max_length": max_length, "prediction_max_length": max_length + 8}
    settings = DescriptionSettings.model_validate(SETTINGS | lengths | {"max_new_tokens": 8})
    rust = description.load_tokenizer(tiny_model / "tokenizer.json")
    splits = describe(records, template, rust, settings, base_of()).splits
    trained = [encode_example(r, template, 0, tokenizer, max_length) for r in records[:10]]
    asked = [encode_prompt(r, template, 0, tokenizer, max_length) for r in records[10:]]
    assert splits["train"][IND].truncated == sum(example.truncated for example in trained)
    assert splits["test"][IND].truncated == sum(prompt.truncated for prompt in asked)
    assert (splits["test"][IND].truncated == 0) == (spare == 400)
