"""What follows scoring in the plan: scores over seeds, and one job that compares."""

import json
from typing import Any

from support.plans import IND, OOD, plan

from ecslm.plan.comparisons import ComparisonPlan

CONTRASTS: dict[str, Any] = {
    "tuning": {
        "title": "Tuned against base",
        "kind": "models",
        "pairs": [["Small-EC", "Small"]],
        "settings": [IND],
    }
}


def compared(contrasts: dict[str, Any] = CONTRASTS, **study: Any) -> ComparisonPlan:
    return ComparisonPlan(plan(comparisons={"contrasts": contrasts}, **study))


def test_models_with_several_seeds_have_a_score_over_seeds_of_each_evaluated_task() -> None:
    files = compared().over_seeds_files()
    assert len(files) == 7
    assert "results/shop/metrics/Small-EC/over-seeds/PM.json" in files
    assert not any("/Small/" in path or "AUX" in path for path in files)
    assert compared().outcomes("Small-EC", "PM") == [
        "results/shop/metrics/Small-EC/seed-0/PM.records.jsonl",
        "results/shop/metrics/Small-EC/seed-1/PM.records.jsonl",
    ]


def test_the_differences_of_a_task_read_the_outcomes_of_all_compared_models() -> None:
    made = compared()
    assert len(made.difference_files()) == len(made.comparison_files()) == 7
    assert made.compared_outcomes("QPR") == [
        "results/shop/metrics/Small/seed-0/QPR.records.jsonl",
        "results/shop/metrics/Small-EC/seed-0/QPR.records.jsonl",
        "results/shop/metrics/Small-EC/seed-1/QPR.records.jsonl",
    ]
    settings = json.loads(made.differences_settings("QPR"))
    assert settings["models"] == {
        "Small": {"seeds": [0], "shots": 0},
        "Small-EC": {"seeds": [0, 1], "shots": 0},
    }
    assert settings["metric"] == "ndcg"


def test_a_study_without_contrasts_compares_nothing() -> None:
    made = ComparisonPlan(plan())
    assert made.difference_files() == made.comparison_files() == []


def test_models_that_no_contrast_names_are_not_read() -> None:
    domain = {"kind": "settings", "pairs": [[OOD, IND]], "models": ["Small"]}
    made = compared({"domain": domain})
    assert all("/Small/" in path for path in made.compared_outcomes("PM"))


def test_a_title_does_not_change_what_is_compared_and_resamples_do() -> None:
    renamed = {"tuning": CONTRASTS["tuning"] | {"title": "Other"}}
    before = compared().differences_settings("PM")
    assert compared(renamed).differences_settings("PM") == before
    other = compared(scoring={"resamples": 99})
    assert other.differences_settings("PM") != before
    assert other.over_seeds_settings("PM") != compared().over_seeds_settings("PM")


def test_permutations_change_comparisons_alone() -> None:
    few = ComparisonPlan(plan(comparisons={"contrasts": CONTRASTS, "permutations": 99}))
    assert few.differences_settings("PM") != compared().differences_settings("PM")
    assert few.over_seeds_settings("PM") == compared().over_seeds_settings("PM")
