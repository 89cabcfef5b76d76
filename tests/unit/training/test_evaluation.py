"""Right answers of an evaluation are those that generation gives, whatever the micro-batches."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.model_examples import (
    EXACT,
    adapter_settings,
    planned_trainer,
    prediction_settings,
    read_lines,
    run_predict,
    train,
)

from ecslm.models.adapters import read_adapter
from ecslm.models.bases import read_base
from ecslm.models.loading import load_base_model
from ecslm.models.precision import Precision
from ecslm.prediction.generation import Generator, likeliest
from ecslm.prediction.network import Network
from ecslm.training.adapter import add_adapter
from ecslm.training.batches import Example, Layout, Padded
from ecslm.training.evaluation import within_epochs
from ecslm.training.packing import Packed
from ecslm.training.settings import TrainingSettings

CPU = torch.device("cpu")
LAYOUTS = [Padded(2), Packed(share=False), Packed(share=True)]
# No token, so that no answer ends by itself.
NEVER = -1
LONGEST = 5
STEM = [5, 6, 7, 8, 9, 10, 11, 12]


@pytest.fixture(scope="module")
def models(tiny_base: Path) -> dict[bool, Any]:
    """With an adapter that changes nothing, by whether batches are packed."""
    precision = Precision.model_validate(EXACT)
    folder = read_base(tiny_base)[1]
    return {
        packing: add_adapter(
            load_base_model(folder, precision, CPU), TrainingSettings(rank=2, packing=packing)
        )
        for packing in (False, True)
    }


@pytest.fixture(scope="module")
def greedy(models: dict[bool, Any]) -> Any:
    """The first tokens that a prompt is answered with, by generation."""
    generator = Generator(Network(models[False]), NEVER)
    return lambda prompts: generator.generate(prompts, LONGEST, likeliest)


@st.composite
def records(draw: st.DrawFn) -> tuple[str, list[int], int, int | None]:
    """A task, a prompt, how many tokens its answer has, and which of them is another one."""
    rest = draw(st.lists(st.integers(3, 390), min_size=1, max_size=8))
    length = draw(st.integers(1, LONGEST))
    wrong = draw(st.none() | st.integers(0, length - 1))
    return draw(st.sampled_from("AB")), draw(st.sampled_from([[], STEM])) + rest, length, wrong


@settings(max_examples=25)
@given(
    st.lists(records(), min_size=1, max_size=6),
    st.sampled_from(LAYOUTS),
    st.sampled_from([16, 60, 1000]),
)
def test_an_answer_is_right_if_generation_gives_each_of_its_tokens(
    models: dict[bool, Any],
    greedy: Any,
    tmp_path_factory: pytest.TempPathFactory,
    drawn: list[tuple[str, list[int], int, int | None]],
    layout: Layout,
    budget: int,
) -> None:
    examples: list[Example] = []
    expected: dict[str, list[bool]] = {}
    answers = greedy([prompt for _, prompt, _, _ in drawn])
    for (task, prompt, length, wrong), answer in zip(drawn, answers, strict=True):
        tokens = answer[:length]
        if wrong is not None:
            tokens[wrong] = 3 + (tokens[wrong] + 1) % 380
        examples.append(Example(task, prompt, tokens, truncated=False))
        expected.setdefault(task, []).append(wrong is None)
    model = models[isinstance(layout, Packed)]
    trainer = planned_trainer(
        model, examples, tmp_path_factory.getbasetemp(), layout=layout, budget=budget
    )
    passes = []
    hook = model.get_base_model().model.register_forward_hook(lambda *_: passes.append(1))
    found = trainer.evaluate()
    hook.remove()
    assert found["eval_records"] == {task: len(each) for task, each in expected.items()}
    assert found["eval_right"] == {task: sum(each) / len(each) for task, each in expected.items()}
    first: dict[str, list[int]] = {}
    wanted: dict[str, set[int]] = {}
    for example, answer in zip(examples, answers, strict=True):
        first.setdefault(example.task, []).append(answer[0])
        wanted.setdefault(example.task, set()).add(example.answer[0])
    assert found["eval_alike"] == {
        task: max(map(tokens.count, tokens)) / len(tokens)
        for task, tokens in first.items()
        if len(wanted[task]) > 1
    }
    # Those of the loss: none is computed for the right answers.
    assert len(passes) == len(layout.group(range(len(drawn)), list(map(len, examples)), budget))


def test_the_log_has_the_share_of_validation_records_that_the_adapter_answers_right(
    fluent_adapter: Path, tiny_base: Path, tmp_path: Path
) -> None:
    best = read_adapter(fluent_adapter).best_step
    log = read_lines(fluent_adapter.parent / "log.jsonl")
    (logged,) = [one for one in log if "eval_right" in one and one["step"] == best]
    predictions = run_predict(
        tmp_path,
        tiny_base,
        fluent_adapter,
        prediction_settings(),
        dataset=fluent_adapter.parent.parent / "val.jsonl",
    )
    right: dict[str, list[bool]] = {}
    for row in read_lines(predictions):
        whole = row["finish_reason"] == "stop" and row["prediction"] == row["reference"]
        right.setdefault(row["task"], []).append(whole)
    assert logged["eval_records"] == {task: len(each) for task, each in right.items()}
    assert logged["eval_right"] == {task: sum(each) / len(each) for task, each in right.items()}
    assert any(logged["eval_right"].values())
    assert not all(one for entry in log for one in entry.get("eval_right", {}).values())


def test_the_logged_records_are_those_of_all_steps_so_far(fluent_adapter: Path) -> None:
    log = read_lines(fluent_adapter.parent / "log.jsonl")
    # Ten records in steps of four, in each of fifteen passes.
    expected = {step: 10 * ((step - 1) // 3) + (4, 8, 10)[(step - 1) % 3] for step in range(1, 46)}
    assert [entry["records"] for entry in log] == [expected[entry["step"]] for entry in log]


@given(st.integers(1, 50), st.integers(1, 4), st.integers(1, 12))
def test_evaluations_are_evenly_spaced_and_alike_in_each_epoch(
    of_epoch: int, epochs: int, evaluations: int
) -> None:
    further = within_epochs(of_epoch * epochs, epochs, evaluations)
    ends = {of_epoch * epoch for epoch in range(1, epochs + 1)}
    assert not further & ends
    found = sorted(further | ends)
    assert len(found) == epochs * min(of_epoch, evaluations)
    gaps = [after - before for before, after in pairwise([0, *found])]
    assert max(gaps) - min(gaps) <= 2


def test_more_evaluations_are_logged_and_leave_the_adapter_as_it_is(
    exact_adapter: Path, tiny_base: Path, tmp_path: Path
) -> None:
    """Dropout included: they draw no random numbers."""
    found = train(tmp_path, tiny_base, adapter_settings(evaluations=3))
    assert read_adapter(found).files == read_adapter(exact_adapter).files
    assert read_adapter(found).best_step == read_adapter(exact_adapter).best_step
    log = read_lines(found.parent / "log.jsonl")
    assert [entry["step"] for entry in log if "eval_loss" in entry] == [1, 2, 3, 4, 5, 6]
    assert [entry["step"] for entry in log] == [step for step in range(1, 7) for _ in "ab"]
    usual = read_lines(exact_adapter.parent / "log.jsonl")
    same = [entry for entry in log if "loss" in entry or entry["step"] in (3, 6)]
    for entry in [*usual, *same]:
        del entry["seconds"]
    assert same == usual
