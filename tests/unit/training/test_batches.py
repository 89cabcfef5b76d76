"""From records to tensors: labels, the prompt's boundary, truncation, the plan of all steps."""

from collections import Counter
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.model_examples import PROMPTS, TEMPLATES, make_record
from transformers import AutoTokenizer

from ecslm.common.errors import InputError
from ecslm.models.prompts import PromptTemplate
from ecslm.schemas.record import Record
from ecslm.training.batches import (
    IGNORED,
    Example,
    Padded,
    encode_example,
    plan_steps,
    stratified_order,
)
from ecslm.training.settings import Order, TrainingSettings

ANSWERS = ("yes", "A: very positive", '[{"attribute": "brand", "value": "Ümlaut"}]', " padded ", "")
LONG = 10_000
ORDERS: tuple[Order, ...] = ("shuffled", "stratified")


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Path) -> Any:
    return AutoTokenizer.from_pretrained(tiny_model)


@pytest.fixture(params=TEMPLATES)
def template(request: pytest.FixtureRequest) -> PromptTemplate:
    return PromptTemplate(PROMPTS / f"{request.param}.jinja")


def examples(
    tokenizer: Any, template: PromptTemplate, records: list[Record], max_length: int = LONG
) -> list[Example]:
    return [encode_example(record, template, 0, tokenizer, max_length) for record in records]


def test_the_labels_of_a_batch_are_the_answers_with_their_end_and_nothing_else(
    tokenizer: Any, template: PromptTemplate
) -> None:
    assert tokenizer.pad_token_id == tokenizer.eos_token_id
    records = [make_record(i, output=output) for i, output in enumerate(ANSWERS)]
    encoded = examples(tokenizer, template, records)
    batch = Padded(tokenizer.pad_token_id).collate(encoded)
    for row, record in enumerate(records):
        attended = batch["input_ids"][row][batch["attention_mask"][row].bool()].tolist()
        assert attended == encoded[row].prompt + encoded[row].answer
        labels = batch["labels"][row].tolist()
        trained = [label for label in labels if label != IGNORED]
        assert tokenizer.decode(trained) == record.output + tokenizer.eos_token
        prompt = len(encoded[row].prompt)
        assert labels[:prompt] == [IGNORED] * prompt
        assert labels[len(encoded[row]) :] == [IGNORED] * (len(labels) - len(encoded[row]))


@pytest.mark.parametrize("output", ANSWERS[:3])
def test_prompt_and_answer_have_the_tokens_of_their_joined_text(
    tokenizer: Any, template: PromptTemplate, output: str
) -> None:
    """Trained tokens are those that prediction meets; a merge over the boundary would differ."""
    record = make_record(output=output)
    (example,) = examples(tokenizer, template, [record])
    text = template.render(record, 0) + output + tokenizer.eos_token
    assert example.prompt + example.answer == tokenizer(text, add_special_tokens=False)["input_ids"]


def test_truncation_cuts_the_end_of_the_input_alone(
    tokenizer: Any, template: PromptTemplate
) -> None:
    words = " ".join(f"word{number}" for number in range(200))
    record = make_record(input=words, options=["A: very positive", "B: positive"])
    (whole,) = examples(tokenizer, template, [record])
    limit = len(whole) - 300
    (cut,) = examples(tokenizer, template, [record], limit)
    assert (whole.truncated, cut.truncated) == (False, True)
    assert limit - 8 <= len(cut) <= limit
    assert cut.answer == whole.answer
    text = tokenizer.decode(cut.prompt)
    before, after = template.render(record, 0).split(words)
    assert text.startswith(before)
    assert text.endswith(after)
    kept = text.removeprefix(before).removesuffix(after)
    assert kept
    assert words.startswith(kept)


def test_a_record_that_cannot_fit_is_named(tokenizer: Any, template: PromptTemplate) -> None:
    record = make_record(7, output="a long answer " * 20)
    with pytest.raises(InputError, match=r"record r7: .* raise `max_length`") as caught:
        examples(tokenizer, template, [record], 100)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("room", range(40, 62))
def test_truncation_never_splits_a_letter_into_bytes(tokenizer: Any, room: int) -> None:
    template = PromptTemplate(PROMPTS / "alpaca.jinja")
    record = make_record(instruction="Say.", input="größe ßÄ 漢字 " * 20, options=None)
    shortest = len(examples(tokenizer, template, [make_record(**{**vars(record), "input": ""})])[0])
    (cut,) = examples(tokenizer, template, [record], shortest + room)
    assert cut.truncated
    assert "\ufffd" not in tokenizer.decode(cut.prompt)


LENGTHS = st.lists(st.integers(1, 300), min_size=1, max_size=40)


@given(LENGTHS, st.integers(16, 600))
def test_micro_batches_have_each_member_once_and_keep_to_the_budget(
    lengths: list[int], budget: int
) -> None:
    members = range(1, len(lengths))
    micros = Padded(0).group(members, lengths, budget)
    assert sorted(chain.from_iterable(micros)) == list(members)
    for micro in micros:
        assert len(micro) == 1 or len(micro) * max(lengths[i] for i in micro) <= budget


# Steps


def example(answer: int, task: str = "SA") -> Example:
    """An example with an answer of one token."""
    return Example(task, [1, 2, 3], [answer], truncated=False)


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=40),
    st.integers(1, 3),
    st.integers(1, 9),
    st.integers(0, 5),
    st.sampled_from(ORDERS),
)
def test_each_epoch_visits_every_example_once_in_global_batches(
    answers: list[int], epochs: int, global_batch: int, seed: int, order: Order
) -> None:
    settings = TrainingSettings(epochs=epochs, global_batch=global_batch, order=order)
    steps = plan_steps([example(answer) for answer in answers], settings, seed)
    per_epoch = -(-len(answers) // global_batch)
    assert len(steps) == epochs * per_epoch
    for epoch in range(epochs):
        members = steps[epoch * per_epoch : (epoch + 1) * per_epoch]
        assert sorted(chain.from_iterable(members)) == list(range(len(answers)))
        assert all(len(step) == global_batch for step in members[:-1])


@pytest.mark.parametrize("order", ORDERS)
def test_epochs_and_seeds_have_orders_of_their_own(order: Order) -> None:
    examples = [example(index % 3) for index in range(30)]
    settings = TrainingSettings(epochs=2, global_batch=1, order=order)
    first, second = (plan_steps(examples, settings, seed) for seed in (0, 1))
    assert first != second
    assert first[:30] != first[30:]
    assert first == plan_steps(examples, settings, 0)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=60), st.integers(0, 100))
def test_a_stratum_is_spread_evenly(strata: list[int], seed: int) -> None:
    """At any point, all strata have had the same share of their members, give or take one."""
    order = stratified_order(strata, Random(seed))
    sizes, seen = Counter(strata), Counter[int]()
    for index in order:
        seen[strata[index]] += 1
        # The time at which the member came is known up to the width of its slot.
        slots = [
            ((seen[stratum] - 1) / size, (seen[stratum] + 1) / size)
            for stratum, size in sizes.items()
        ]
        assert max(low for low, _ in slots) < min(high for _, high in slots)


def test_answers_of_a_task_are_in_every_step_and_tasks_are_apart() -> None:
    """Two tasks with the same two answers, a quarter of the records each."""
    examples = [example(index % 2, "SA" if index < 200 else "PM") for index in range(400)]
    settings = TrainingSettings(epochs=1, global_batch=8, order="stratified")
    for step in plan_steps(examples, settings, 0):
        counts = Counter((examples[i].task, *examples[i].answer) for i in step)
        assert set(counts.values()) == {2}
