"""A study that begins is sized by its records, and its file holds whatever they are called."""

from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ecslm.config.loading import read_config
from ecslm.data.settings import Shares
from ecslm.plan.requests import CHARACTERS, TURNS
from ecslm.schemas.paths import TEMPLATES
from ecslm.schemas.task import CONFIG_FILE
from ecslm.starter.study import MOST_TOKENS, Task, configuration, plan_start, tasks_of

from .own_records import row

REGISTRY = read_config([CONFIG_FILE], CONFIG_FILE.parent / TEMPLATES, {})[0].tasks


def begun(
    count: int, length: int = 100, name: str = "Fraud", data: str = "r.jsonl", study: str = "mine"
) -> dict[str, Any]:
    rows = [row(number, input=f"{number}" + "x" * length) for number in range(count)]
    return plan_start(study, Path(data), tasks_of({name: rows}, REGISTRY))


@given(st.integers(30, 3000), st.integers(0, 20_000))
def test_training_ends_in_minutes_however_many_and_long_the_records(
    count: int, length: int
) -> None:
    start = begun(count, length)
    val, test = start["shares"].val, start["shares"].test
    trained = count * (1 - val - test) * start["train_fraction"]
    tokens = start["epochs"] * trained * (length / CHARACTERS + TURNS)
    assert 0 < tokens <= 1.6 * MOST_TOKENS
    assert 1 <= start["epochs"] <= 3
    assert test * count <= 420
    assert val * count >= 3


def test_a_few_answers_do_not_decide_what_kind_a_tasks_answers_are() -> None:
    def kind(others: int) -> str:
        outputs = ["Yes"] * 8 + [f"text {number}" for number in range(others)]
        rows = [row(n, output=text) for n, text in enumerate(outputs)]
        return Task("x", "x", rows).kind.answer

    assert (kind(2), kind(3)) == ("yes_no", "generation")


def test_tests_that_differ_from_training_in_some_words_and_numbers_are_found() -> None:
    forms = ("Hi, where is parcel {} of {}? Thanks", "Please help me, the {} of {} is broken")
    things = ("Anna", "Ben", "lamp", "kettle", "Zo\u00eb")
    rows = [row(n, input=forms[n % 2].format(n, things[n % 5])) for n in range(40)]
    splits = [{**one, "split": "train" if n < 30 else "test"} for n, one in enumerate(rows)]
    new = row(0, split="test", input="None of this was seen before, or nothing like it")
    again = {**rows[0], "split": "test"}
    same, compared, pairs = Task("x", "x", [*splits, again, new]).alike(None)
    assert (same, compared, len(pairs)) == (1, 12, 11)
    assert all(test.split()[0] == train.split()[0] for _, test, train in pairs)
    shares = Shares(val=0.1, test=0.3)
    same, compared, pairs = Task("x", "x", rows).alike(shares)
    assert same == 0
    assert compared == len(pairs) == sum(shares.split_of(one) == "test" for one in rows)
    assert Task("x", "x", [new]).alike(None) == (0, 1, [])


# What YAML takes for other values than texts.
OTHERS = st.sampled_from(["no", "Yes", "null", "1", "1e3", "2026-11-26", "on", "~", "0x1F", ".5"])
NAMES = OTHERS | st.text(min_size=1).filter(lambda name: name not in REGISTRY)


@given(NAMES, st.text(min_size=1), OTHERS)
@settings(max_examples=30)
def test_whatever_study_task_and_file_are_called_the_file_reads_back(
    name: str, data: str, study: str
) -> None:
    raw = yaml.safe_load(configuration(begun(40, name=name, data=data, study=study)))
    ((code, task),) = raw["tasks"].items()
    assert task["title"] == name
    assert name in (code, *task["aliases"])
    assert raw["study"] == study
    assert raw["studies"][study]["data"]["path"] == Path(data).as_posix()
    assert raw["studies"][study]["tasks"] == [code]
