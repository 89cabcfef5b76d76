"""What follows scoring in the plan: scores over seeds, and one job that compares."""

import json
from typing import Any

import pytest
from support.plans import IND, MODELS, OOD, plan
from support.stated_jobs import StatedJob, first_files, job_of

from ecslm.plan.study import Study

CONTRASTS: dict[str, Any] = {
    "tuning": {
        "title": "Tuned against base",
        "kind": "models",
        "pairs": [["Small-EC", "Small"]],
        "settings": [IND],
    }
}


def compared(contrasts: dict[str, Any] = CONTRASTS, **study: Any) -> Study:
    return plan(comparisons={"contrasts": contrasts}, **study)


def differences(made: Study, task: str) -> StatedJob:
    return job_of(made, "differences", task=task)


def test_models_with_several_seeds_have_a_score_over_seeds_of_each_evaluated_task() -> None:
    assert len(first_files(compared(), "score_over_seeds")) == 7
    one = job_of(compared(), "score_over_seeds", model="Small-EC", task="PM")
    scored = "results/shop/metrics/Small-EC/seed-{}/PM.records.jsonl"
    assert list(one.inputs) == [scored.format(seed) for seed in (0, 1)]


def test_the_differences_of_a_task_read_the_outcomes_of_all_compared_models() -> None:
    made = compared()
    compared_tasks = first_files(made, "differences")
    assert len(compared_tasks) == 7
    # Holm's adjustment needs all p-values.
    assert sorted(job_of(made, "compare").inputs) == sorted(compared_tasks)
    assert list(differences(made, "QPR").inputs) == [
        f"results/shop/metrics/{row}/QPR.records.jsonl"
        for row in ("Small/seed-0", "Small-EC/seed-0", "Small-EC/seed-1")
    ]
    settings = json.loads(differences(made, "QPR").settings)
    seeds = {"Small": [0], "Small-EC": [0, 1]}
    assert settings["models"] == {name: {"seeds": seeds[name], "shots": 0} for name in seeds}
    assert settings["metric"] == "ndcg"


NOT_RUN = MODELS | {"Small": MODELS["Small"] | {"run": False}}
TABLE = {"kind": "comparisons", "label": "tab:c", "caption": "Differences", "columns": ["PM", "SA"]}


OF_SETTINGS = {"kind": "settings", "pairs": [[OOD, IND]], "models": ["Small"]}


@pytest.mark.parametrize("contrast", [CONTRASTS["tuning"], OF_SETTINGS])
def test_contrasts_of_models_that_are_not_run_compare_nothing(contrast: dict[str, Any]) -> None:
    made = compared({"tuning": contrast}, models=NOT_RUN)
    assert first_files(made, "differences") == []
    assert list(job_of(made, "compare").inputs) == []


def test_nothing_is_asked_of_tasks_in_which_nothing_is_compared() -> None:
    """Constrained answers are evaluated on some tasks alone."""
    constrained = {"base": "Small", "template": "chatml", "answers": "constrained"}
    pairs = [["Small-constrained", "Small"]]
    made = compared(
        {"form": CONTRASTS["tuning"] | {"pairs": pairs}},
        models=MODELS | {"Small-constrained": constrained},
        tables={"form": TABLE | {"contrasts": ["form"], "columns": ["PM", "AG"]}},
    )
    assert "results/shop/comparisons.parquet" in job_of(made, "render_table", table="form").inputs
    needed = job_of(made, "compare").inputs
    assert "results/shop/differences/PM.json" in needed
    assert "results/shop/differences/AG.json" not in needed


SIMPLE = {"simple": CONTRASTS["tuning"] | {"pairs": [["Small-EC", "best simple"]]}}


def test_the_best_simple_baseline_is_looked_up_where_there_are_records_to_choose_it_by() -> None:
    made = compared(SIMPLE)
    inputs = list(differences(made, "QPR").inputs)
    assert "results/shop/simple_baselines/QPR.json" in inputs
    rows = {path.split("/")[3] for path in inputs if "/metrics/" in path}
    assert rows == {"Small-EC", "input-order", "random"}
    # No record of NEW is for training, and AG has no trivial baseline.
    assert not any("NEW" in path or "AG" in path for path in first_files(made, "differences"))
    always = {"always": CONTRASTS["tuning"] | {"pairs": [["Small-EC", "always-yes"]]}}
    files = first_files(compared(always), "differences")
    assert sorted(path.split("/")[-1] for path in files) == ["NEW.json", "PM.json"]


def test_a_large_family_gets_permutations_enough_for_a_mark() -> None:
    few = plan(comparisons={"contrasts": CONTRASTS, "permutations": 99})
    found = [
        json.loads(differences(made, "PM").settings)["permutations"] for made in (few, compared())
    ]
    # A pair in seven tasks is seven tests.
    assert found == [74 * 7, 10_000]
