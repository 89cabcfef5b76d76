"""Jobs of models that do not run here: their answers exist already, or a server gives them."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.plans import IND, MODELS, OOD, Raw, plan
from support.stated_jobs import StatedJob, first_files, job_of

from ecslm.common.files import write_json, write_text
from ecslm.plan.study import Study

SHOTS = f"{IND}_1-shot"
PRICES: Raw = {"input": 10, "output": 30, "currency": "USD", "as_of": "2024-04-09"}
ACCESS: Raw = {"key": "SHOP_KEY", "concurrency": 3, "prices": PRICES, "budget": 7}
SERVER: Raw = {"url": "https://models.example/v1", "model": "large-1"}


def recorded(fields: Raw | None = None, **study: Any) -> Study:
    """The small study, and a recorded model."""
    other = {"backend": "recorded", "path": "answers"} | (fields or {})
    return plan(**{"models": MODELS | {"Other": other}} | study)


def served(changes: Raw | None = None, **study: Any) -> Study:
    """The small study, and a model that a server runs."""
    other = {"backend": "openai", "server": SERVER, "template": "alpaca"} | (changes or {})
    return plan(models=MODELS | {"Other": other}, **study)


def prediction(made: Study, task: str = "SA", model: str = "Other") -> StatedJob:
    return job_of(made, "predict", model=model, seed=0, task=task)


def decided(made: Study) -> tuple[str, str]:
    """What decides the answers to a task."""
    return prediction(made).settings, prediction(made).versions


def test_a_recorded_model_has_answers_alone_where_it_has_some() -> None:
    found = prediction(recorded())
    assert {name: files for name, files in found.named_inputs.items() if files} == {
        "dataset": ("results/shop/dataset/SA/test.jsonl",),
        "answers": (f"answers/SA/{IND}.json", f"answers/SA/{OOD}.json"),
    }
    assert (found.params["template"], found.versions) == (None, "")
    settings = {"backend": "recorded", "shots": 0, "settings": None}
    assert json.loads(found.settings) == settings
    made = recorded({"settings": [OOD]})
    assert made.model_tasks("Other") == ("AG", "AVE", "NEW", "SA", "SR"), "others have none such"
    assert json.loads(prediction(made).settings)["settings"] == [OOD]
    assert recorded({"tasks": ["PM", "SA"]}).model_tasks("Other") == ("PM", "SA")
    # Without a tokenizer the data are not described.
    alone = recorded(models={"Other": {"backend": "recorded", "path": "answers"}})
    assert first_files(alone, "describe_data", "data_card") == []


@pytest.mark.parametrize("name", ["QPR", "Query_Product_Rank", "Query_Product_Ranking"])
@pytest.mark.usefixtures("empty_folder")
def test_a_directory_may_have_any_name_of_the_task(name: str) -> None:
    write_json(Path("answers", name, f"{IND}.json"), [])
    assert recorded().answer_files("Other", "QPR") == (f"answers/{name}/{IND}.json",)
    write_text(Path("answers", f"{name}.jsonl"), "")
    assert recorded().answer_files("Other", "QPR") == (f"answers/{name}.jsonl",)


def test_published_answers_of_all_models_come_from_one_job() -> None:
    third = {"backend": "recorded", "published": "third", "tasks": ["SA"]}
    other = {"backend": "recorded", "published": "other", "tasks": ["PM", "QPR"]}
    models = {"Other": other, "Third": third, "Third-1shot": third | {"shots": 1}}
    answers = {"archive": "answers.tar.gz", "commit": "c0ffee00", "folder": "results"}
    made = plan(models=MODELS | models, answers=answers, settings=[IND, OOD, SHOTS])
    assert first_files(made, "fetch_answers") == [
        f"results/shop/answers/{name}.jsonl" for name in ("other-PM", "other-QPR", "third-SA")
    ]
    found = json.loads(job_of(made, "fetch_answers").settings)
    assert "archive" not in found, "the commit pins the answers, wherever they come from"
    assert [one["settings"] for one in found["answers"]] == [[IND], [IND], [IND, SHOTS, OOD]]
    for model in ("Third", "Third-1shot"):
        assert prediction(made, model=model).inputs[1:] == ("results/shop/answers/third-SA.jsonl",)


def test_only_models_that_run_here_ask_for_a_gpu_and_threads() -> None:
    for made, api in ((recorded(threads=8), 0), (served(threads=8), 1)):
        needs = [prediction(made, model=model).resources for model in ("Small", "Other")]
        assert [needs[0][name] for name in ("api", "gpu", "_cores", "access")] == [0, 1, 8, 0]
        assert [needs[1][name] for name in ("api", "gpu", "_cores")] == [api, 0, 1]
    asking = prediction(served({"access": ACCESS}))
    assert asking.inputs == ("results/shop/dataset/SA/test.jsonl",)
    told = json.loads(asking.resources["access"])
    assert (told["budget"], told["key"]) == (7.0, "SHOP_KEY")


def test_a_served_model_reads_the_export_and_asks_for_a_gpu() -> None:
    own: Raw = {"backend": "openai", "template": "chatml", "exported": "Small-EC"}
    own |= {"serve": "vllm serve {model} --port {port}"}
    # Of itself the study exports another.
    models = MODELS | {"Other": own, "Third-EC": MODELS["Small-EC"]}
    made = plan(models=models, threads=8, export={"models": ["Third-EC"]})
    found, exported = prediction(made), "results/shop/exports/Small-EC/manifest.json"
    assert found.named_inputs["base"] == (exported,) and not found.named_inputs["adapter"]
    assert [found.resources[name] for name in ("api", "gpu", "_cores")] == [0, 1, 8]
    assert made.exported_models == ("Small-EC", "Third-EC")
    before = decided(made)
    for changes in ({"serve": "sglang {model} {port}"}, {"version": "2"}):
        assert decided(plan(models=MODELS | {"Other": own | changes}, threads=8)) != before
    reached = own | {"access": {"concurrency": 64, "start": 5}}
    assert decided(plan(models=MODELS | {"Other": reached}, threads=8)) == before


def test_what_the_server_is_asked_reruns_its_predictions_and_how_it_is_reached_does_not() -> None:
    both = [IND, SHOTS]
    before = decided(served(settings=both))
    assert decided(served({"access": ACCESS}, settings=both)) == before
    asked: list[Raw] = [{"server": SERVER | {"model": "large-2"}}, {"shots": 1}]
    asked += [{"server": SERVER | {"url": "https://other.example/v1"}}]
    asked += [{"server": SERVER | {"api": "completions"}}, {"decoding": {"max_new_tokens": 5000}}]
    for changes in asked:
        assert decided(served(changes, settings=both)) != before, changes
    # No server is told these.
    unsaid = {"max_length": 999, "fused": False, "oom": "halve"}
    local = served(decoding=unsaid, batch_tokens=99, precision={"quantization": "none"})
    assert decided(local) == decided(served())
