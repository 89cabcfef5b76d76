"""Jobs of models whose answers exist already, beside those of models that run here."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.plans import IND, MODELS, OOD, plan
from support.stated_jobs import StatedJob, first_files, job_of

from ecslm.common.files import write_json, write_text
from ecslm.plan.plan import Plan
from ecslm.provenance.costs import takes_long

SHOTS = f"{IND}_1-shot"
PUBLISHED = {"archive": "answers.tar.gz", "commit": "c0ffee00", "folder": "results"}


def recorded(**fields: Any) -> dict[str, Any]:
    return {"backend": "recorded", "path": "answers", **fields}


def with_other(**fields: Any) -> Plan:
    """The small study, and a recorded model."""
    return plan(models=MODELS | {"Other": recorded(**fields)})


def prediction(made: Plan, model: str, task: str) -> StatedJob:
    return job_of(made, "predict", model=model, seed=0, task=task)


def runs(made: Plan, model: str = "Other") -> list[str]:
    """The tasks that a model is asked."""
    return list(made.study.model_tasks(model))


def asked(made: Plan, task: str) -> Any:
    """The settings that a model is asked in."""
    return json.loads(str(prediction(made, "Other", task).settings))["settings"]


def test_the_answers_are_all_that_a_recorded_model_has() -> None:
    made = with_other()
    found = prediction(made, "Other", "SA")
    assert {name: files for name, files in found.named_inputs.items() if files} == {
        "dataset": ("results/shop/dataset/SA/test.jsonl",),
        "answers": (f"answers/SA/{IND}.json", f"answers/SA/{OOD}.json"),
    }
    assert (found.params["template"], found.versions) == (None, "")
    assert json.loads(str(found.settings)) == {
        "backend": "recorded",
        "shots": 0,
        "settings": [IND, OOD],
    }


@pytest.mark.parametrize("name", ["QPR", "Query_Product_Rank", "Query_Product_Ranking"])
def test_a_directory_may_have_the_name_of_the_task_in_the_data(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_json(Path("answers", name, f"{IND}.json"), [])
    assert with_other().study.answer_files("Other", "QPR") == (f"answers/{name}/{IND}.json",)
    write_text(Path("answers", f"{name}.jsonl"), "")
    assert with_other().study.answer_files("Other", "QPR") == (f"answers/{name}.jsonl",)


def test_a_recorded_model_is_evaluated_in_what_it_has_alone() -> None:
    made = with_other(settings=[OOD])
    assert runs(made) == ["AG", "AVE", "NEW", "SA", "SR"], "others have no such records"
    assert asked(made, "SA") == [OOD]
    assert runs(with_other(tasks=["PM", "SA"])) == ["PM", "SA"]
    assert runs(made, "Small") == ["AG", "AVE", "NEW", "PM", "QPR", "SA", "SR"]


def test_a_contrast_leaves_out_models_that_do_not_answer_a_task() -> None:
    contrasts = {
        "models": {"kind": "models", "pairs": [["Small-EC", "Small"], ["Other", "Small"]]},
        "settings": {"kind": "settings", "pairs": [[OOD, IND]], "models": ["Other"]},
    }
    contrasts["models"]["settings"] = [IND]
    made = plan(
        models=MODELS | {"Other": recorded(tasks=["PM"])}, comparisons={"contrasts": contrasts}
    )

    def compared(task: str) -> dict[str, Any]:
        return dict(json.loads(str(job_of(made, "differences", task=task).settings))["contrasts"])

    assert compared("PM")["models"]["pairs"] == [["Small-EC", "Small"], ["Other", "Small"]]
    assert compared("SA")["models"]["pairs"] == [["Small-EC", "Small"]]
    assert set(compared("PM")) == {"models", "settings"}
    assert set(compared("SA")) == {"models"}


def test_only_models_that_run_here_ask_for_a_gpu_and_threads() -> None:
    made = plan(models=MODELS | {"Other": recorded()}, threads=7)
    needs = [prediction(made, model, "SA").resources for model in ("Small", "Other")]
    assert [(one["gpu"], one["_cores"]) for one in needs] == [(1, 7), (0, 1)]


def test_reading_answers_is_not_taken_for_work_of_unknown_length() -> None:
    made = with_other()
    assert takes_long(job_of(made, "predict", model="Small", seed=0, task="SA"))
    assert not takes_long(job_of(made, "predict", model="Other", seed=0, task="SA"))


def test_without_a_tokenizer_the_data_are_not_described() -> None:
    made = plan(models={"Other": recorded()})
    assert first_files(made, "describe_data", "data_card") == []
    assert len(first_files(plan(), "describe_data")) == 8
    assert first_files(made, "base_model") == ["results/bases/Encoder/manifest.json"]


def test_published_answers_of_all_models_come_from_one_job() -> None:
    models = {
        "Other": {"backend": "recorded", "published": "other", "tasks": ["PM", "QPR"]},
        "Third": {"backend": "recorded", "published": "third", "tasks": ["SA"]},
        "Third-1shot": {"backend": "recorded", "published": "third", "tasks": ["SA"], "shots": 1},
    }
    made = plan(models=MODELS | models, answers=PUBLISHED, settings=[IND, OOD, SHOTS])
    assert first_files(made, "fetch_answers") == [
        f"results/shop/answers/{name}.jsonl" for name in ("other-PM", "other-QPR", "third-SA")
    ]
    found = json.loads(str(job_of(made, "fetch_answers").settings))
    assert "archive" not in found, "the commit pins the answers, wherever they come from"
    assert found["answers"][1] == {
        "model": "other",
        "task": "QPR",
        "names": ["QPR", "Query_Product_Rank", "Query_Product_Ranking"],
        "settings": [IND],
    }
    assert found["answers"][2]["settings"] == [IND, SHOTS, OOD]
    for model in ("Third", "Third-1shot"):
        assert prediction(made, model, "SA").inputs[1:] == ("results/shop/answers/third-SA.jsonl",)


@pytest.mark.parametrize(("shots", "expected"), [(0, [IND, OOD]), (1, [SHOTS])])
def test_answers_to_prompts_with_an_example_are_another_row(
    shots: int, expected: list[str]
) -> None:
    models = MODELS | {"Other": recorded(shots=shots)}
    assert asked(plan(models=models, settings=[IND, OOD, SHOTS]), "SA") == expected
