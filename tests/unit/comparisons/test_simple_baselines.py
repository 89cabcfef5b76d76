"""The best simple baseline of a task, chosen without its test records."""

import json
from typing import Any

import numpy as np
import pytest
from support.plans import MODELS, plan
from support.scoring_examples import TASKS
from support.scoring_examples import record as made
from support.stated_jobs import job_of, stated_jobs

from ecslm.comparisons.settings import ChooseSettings
from ecslm.comparisons.simple_baselines import choose
from ecslm.families.learned import ranking
from ecslm.families.learned.backend import LearnedSettings
from ecslm.schemas.metrics_file import SimpleBaselines
from ecslm.schemas.record import Record
from ecslm.scoring.metrics.protocol import expected_f1

LEARNED = {"Words": {"backend": "learned", "method": "tf-idf"}}


@pytest.fixture(autouse=True)
def small_forests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forests with few trees, which are fitted several times for each task."""
    monkeypatch.setattr(ranking, "TREES", 10)


def record(number: int, output: str, text: str, task: str = "PM") -> Record:
    names = {"id": f"{number * 7919 % 1000:04}", "sample_id": str(number)}
    return made(output, input=text, task=task, split="train", **names)


def chosen(task: str, records: list[Record], *trivial: Any) -> SimpleBaselines:
    kind = TASKS[task]
    words = {"Words": LearnedSettings(backend="learned", method="tf-idf", task=kind)}
    settings = ChooseSettings(task=kind, trivial=trivial, learned=words)
    return choose(settings, records[4:], records[:4])


def test_what_learns_is_best_where_there_is_something_to_learn() -> None:
    words = {"yes": "same good", "no": "other bad"}
    records = [record(i, one, f"{words[one]} {i}") for i, one in enumerate(["yes", "no"] * 10)]
    found = chosen("PM", records, "always-yes", "random")
    assert (found.best, found.n, found.metric) == ("Words", 20, "binary_f1")
    # Half of all 20 records are yes, and half of the 4 for validation.
    guessed = np.mean([expected_f1(np.full(n, 0.5), np.full(n, 0.5)) for n in (10, 2)])
    assert found.scores == pytest.approx({"always-yes": 2 / 3, "random": guessed, "Words": 1.0})


def test_of_equal_ones_the_first_is_chosen_trivial_ones_before_learned_ones() -> None:
    found = chosen("PM", [record(i, "yes", f"{i}") for i in range(20)], "always-yes", "majority")
    assert found.scores == {"always-yes": 1, "majority": 1, "Words": 1}
    assert found.best == "always-yes"


def test_few_validation_records_count_half() -> None:
    """Training records that repeat one another say nothing of those to come."""
    train = [record(i, ("yes", "no")[i % 2], "same good") for i in range(4, 24)]
    val = [record(i, "yes", "other") for i in range(4)]
    found = chosen("PM", [*val, *train], "always-yes")
    # F1 of 14 yes among 24, and of 4 among 4.
    assert found.scores["always-yes"] == pytest.approx((2 * 14 / (24 + 14) + 1) / 2)
    assert found.n == 24


def test_rankings_need_no_labels_and_texts_no_encoder() -> None:
    products = json.dumps({"query": "red lamp", "product list": ["A: blue mug", "B: red lamp"]})
    rankings = [record(i, "B,A", products, "QPR") for i in range(10)]
    assert chosen("QPR", rankings, "input-order").scores["Words"] == 1
    document = json.dumps({"question": "is it red?", "document": ["It is red.", "Ships soon."]})
    texts = chosen("AG", [record(i, "It is red.", document, "AG") for i in range(10)])
    assert (texts.metric, texts.scores) == ("word F1", {"Words": 1.0})


def test_a_task_is_chosen_for_if_it_has_records_to_choose_by_and_something_to_choose() -> None:
    def tasks(models: dict) -> list[str]:
        jobs = stated_jobs(plan(models=models)).values()
        return [job.key["task"] for job in jobs if job.rule == "choose_baseline"]

    assert tasks(MODELS) == ["AVE", "PM", "QPR", "SA", "SR"]
    assert tasks(MODELS | LEARNED) == ["AG", "AVE", "PM", "QPR", "SA", "SR"]


def test_rows_with_a_part_of_the_records_are_left_out() -> None:
    made = plan(models=MODELS | LEARNED | {"Few": LEARNED["Words"] | {"train_fraction": 0.1}})
    job = job_of(made, "choose_baseline", task="SA")
    assert list(json.loads(job.settings)["learned"]) == ["Words"]
    assert made.simple_baselines("SA") == ("majority", "random", "Words")
    assert list(job.inputs) == [
        f"results/shop/dataset/SA/{split}.jsonl" for split in ("train", "val")
    ]
