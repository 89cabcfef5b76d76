"""The plan: which files a study has, and what each job's parameters depend on."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support.plans import (
    BASELINES,
    IND,
    MODELS,
    OOD,
    TASKS,
    adapter,
    content_of,
    dataset_content,
    dataset_settings,
    first_files,
    job,
    plan,
    prediction,
    score,
    settings_of,
)
from support.project import ROOT
from support.scripts import run_script

from ecslm.common.errors import InputError
from ecslm.common.files import write_json, write_jsonl, write_text
from ecslm.common.hashing import sha256_of_text
from ecslm.common.manifests import made_from, manifest_of, write_manifest
from ecslm.data.location import location
from ecslm.fingerprint.digest import definition_digests
from ecslm.plan.plan import Plan
from ecslm.plan.rules import Job
from ecslm.schemas.record import read_records

Raw = dict[str, Any]


def settings(text: str | None) -> Raw:
    return dict(json.loads(text or ""))


# Files


def test_dataset_files_are_those_of_the_splits_that_a_task_has() -> None:
    found = first_files(plan(), "dataset")
    prefix = "results/shop/dataset/"
    of = {code: [f for f in found if f.startswith(f"{prefix}{code}/")] for code in TASKS}
    assert of["PM"] == [f"{prefix}PM/{split}.jsonl" for split in ("train", "val", "test")]
    assert of["NEW"] == [f"{prefix}NEW/test.jsonl"]
    assert of["AUX"] == [f"{prefix}AUX/train.jsonl", f"{prefix}AUX/val.jsonl"]
    assert len(found) == sum(map(len, of.values())) == 3 * len(TASKS) - 3


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_task_that_does_not_train_is_no_input_of_the_adapters(split: str) -> None:
    codes = sorted(code for code in TASKS if code != "NEW")
    expected = [f"results/shop/dataset/{code}/{split}.jsonl" for code in codes]
    assert list(plan().study.training_files(split)) == expected


def test_a_new_task_that_does_not_train_changes_nothing_of_the_adapters() -> None:
    before, after = plan(tasks=["PM"]), plan(tasks=["PM", "NEW"])
    assert before.study.training_files("train") == after.study.training_files("train")
    assert adapter(before, "Small-EC").settings == adapter(after, "Small-EC").settings
    assert set(first_files(after, "predict")) - set(first_files(before, "predict")) == {
        "results/shop/predictions/Small/seed-0/NEW.jsonl",
        "results/shop/predictions/Small-EC/seed-0/NEW.jsonl",
        "results/shop/predictions/Small-EC/seed-1/NEW.jsonl",
    }


def test_adapters_are_made_for_each_seed_of_tuned_models_alone() -> None:
    assert first_files(plan(), "train_adapter") == [
        "results/shop/adapters/Small-EC/seed-0/adapter_model.safetensors",
        "results/shop/adapters/Small-EC/seed-1/adapter_model.safetensors",
    ]


def test_whatever_a_job_makes_is_a_target_so_that_none_of_it_can_be_missing_unnoticed() -> None:
    made = plan()
    every = {path for job in made.jobs for path in job.files}
    assert set(made.targets(*made.rules)) == every


def test_predictions_are_made_for_each_model_seed_and_evaluated_task() -> None:
    found = first_files(plan(), "predict")
    assert len(found) == len(set(found)) == 3 * (len(TASKS) - 1)
    assert "results/shop/predictions/Small-EC/seed-1/NEW.jsonl" in found
    assert not [path for path in found if path.endswith("AUX.jsonl")]


def test_jobs_of_one_model_and_seed_come_one_after_the_other_tuned_ones_first() -> None:
    study = plan().study
    numbers = {(key.model, key.seed): study.priority(key.model, key.seed) for key in study.runs()}
    assert sorted(numbers, key=lambda key: -numbers[key]) == [
        ("Small-EC", "0"),
        ("Small-EC", "1"),
        ("Small", "0"),
    ]
    assert len(set(numbers.values())) == 3
    assert min(numbers.values()) > 0, "before jobs that run no model"


def test_bertscores_are_made_for_generation_tasks_alone() -> None:
    assert first_files(plan(), "bertscore") == [
        "results/shop/bertscore/Small/seed-0/AG.jsonl",
        "results/shop/bertscore/Small-EC/seed-0/AG.jsonl",
        "results/shop/bertscore/Small-EC/seed-1/AG.jsonl",
    ]


def test_metrics_are_those_of_models_and_of_baselines_where_they_are_defined() -> None:
    found = first_files(plan(), "score", "score_baseline")
    rows = {path.removeprefix("results/shop/metrics/").split("/")[0] for path in found}
    assert rows == {"Small", "Small-EC", *BASELINES}
    own = [path for path in found if "/Small" in path]
    assert [path.replace("/metrics/", "/predictions/") + "l" for path in own] == (
        first_files(plan(), "predict")
    )
    assert "results/shop/metrics/input-order/seed-0/QPR.json" in found


@pytest.mark.parametrize(
    ("baseline", "tasks"),
    [
        ("always-yes", ("PM", "NEW")),
        ("always-no", ("PM", "NEW")),
        ("majority", ("PM", "SA")),
        ("random", ("PM", "SA", "SR", "QPR", "NEW")),
        ("input-order", ("QPR",)),
        ("all-null", ("AVE",)),
    ],
)
def test_a_baseline_is_scored_where_it_is_defined(baseline: str, tasks: tuple[str, ...]) -> None:
    assert plan().study.baseline_tasks(baseline) == tuple(sorted(tasks))


def test_bases_are_those_of_the_models_and_of_the_encoder() -> None:
    assert first_files(plan(), "base_model") == [
        "results/bases/Small/manifest.json",
        "results/bases/Encoder/manifest.json",
    ]
    without = plan(tasks=["PM"], bertscore=None)
    assert first_files(without, "base_model") == ["results/bases/Small/manifest.json"]
    assert first_files(without, "bertscore") == []


def test_a_study_without_tables_has_a_report_all_the_same_with_all_scores() -> None:
    made = plan()
    page = job(made, "report_page")
    assert [table["name"] for table in settings(page.settings)["tables"]] == [
        f"scores_{setting}" for setting in (IND, OOD)
    ]
    assert "results/shop/adapters/Small-EC/seed-1/manifest.json" in page.inputs


# Parameters


def test_a_parameter_is_one_canonical_string() -> None:
    made = plan()
    for text in (
        dataset_settings(made, "PM", "train"),
        adapter(made, "Small-EC").settings,
        prediction(made, "Small", "PM").settings,
        score(made, "PM").settings,
        job(made, "bertscore", model="Small", seed=0, task="AG").settings,
        job(made, "base_model", base="Small").settings,
    ):
        canonical = json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))
        assert text == canonical


def test_parameters_of_different_kinds_cannot_be_taken_for_each_other() -> None:
    made = plan()
    assert job(made, "dataset", task="PM", split="test").code.startswith("code:")
    assert dataset_content(made, "PM", "test").startswith("source:")
    assert score(made, "PM").code.startswith("code:")
    assert score(made, "PM").versions.startswith('versions:{"numpy":"')


def test_versions_are_those_of_the_libraries_that_compute_a_result() -> None:
    def libraries(parameter: str) -> set[str]:
        return set(json.loads(parameter.removeprefix("versions:")))

    exact = plan(precision={"quantization": "none", "dtype": "float32"})
    quantised = plan(precision={"quantization": "nf4"})
    encoder = {"torch", "transformers", "safetensors", "tokenizers"}
    model = encoder | {"accelerate", "Jinja2"}
    assert libraries(adapter(exact, "Small-EC").versions) == model | {"peft"}
    assert libraries(prediction(exact, "Small-EC", "PM").versions) == model | {"peft"}
    assert libraries(prediction(exact, "Small", "PM").versions) == model
    assert libraries(prediction(quantised, "Small", "PM").versions) == model | {"bitsandbytes"}
    assert "bitsandbytes" in libraries(adapter(quantised, "Small-EC").versions)
    bertscore = job(exact, "bertscore", model="Small", seed=0, task="AG")
    assert libraries(bertscore.versions) == encoder | {"bert-score"}


@pytest.mark.parametrize(
    ("dtype", "sample", "budget"),
    [("float32", False, None), ("float32", True, 777), ("bfloat16", False, 777)],
)
def test_the_token_budget_is_a_setting_only_where_it_can_change_an_answer(
    dtype: str, sample: bool, budget: int | None
) -> None:
    made = plan(precision={"dtype": dtype}, decoding={"sample": sample})
    assert settings(prediction(made, "Small", "PM").settings)["batch_tokens"] == budget
    assert "777" not in adapter(made, "Small-EC").settings


def test_decoding_of_a_task_is_a_setting_of_its_own_predictions_alone() -> None:
    before, after = plan(), plan(task_decoding={"AVE": {"max_new_tokens": 7}})
    differing = [
        code
        for code in TASKS
        if prediction(before, "Small", code).settings != prediction(after, "Small", code).settings
    ]
    assert differing == ["AVE"]


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_training_split_knows_nothing_of_the_evaluation(split: str) -> None:
    text = dataset_settings(plan(), "SA", split)
    assert settings(text)["settings"] == [IND]
    assert dataset_settings(plan(settings=[IND, OOD, "OOD_Unseen"]), "SA", split) == text


def test_ood_settings_are_dropped_for_tasks_without_ood_records() -> None:
    made = plan(settings=[OOD, IND, "OOD_Unseen", "IND_Unseen"])
    found = {code: settings(dataset_settings(made, code, "test"))["settings"] for code in TASKS}
    assert found["PM"] == found["QPR"] == [IND, "IND_Unseen"]
    assert found["SA"] == [IND, "IND_Unseen", OOD, "OOD_Unseen"]


def test_a_new_evaluation_setting_of_ood_leaves_tasks_without_ood_alone() -> None:
    before, after = plan(), plan(settings=[IND, OOD, "OOD_Unseen"])
    changed = {
        code
        for code in TASKS
        if dataset_settings(before, code, "test") != dataset_settings(after, code, "test")
    }
    assert changed == {code for code in TASKS if code not in ("PM", "QPR")}


def test_score_settings_hold_nothing_of_a_task_but_how_it_is_scored() -> None:
    words = {"title": "Another", "aliases": ["X"], "train": False, "ood": True}
    assert score(plan({"PM": words}), "PM").settings == score(plan(), "PM").settings
    kinds = settings(score(plan(), "PM").settings)["task"]
    assert kinds == {"answer": "yes_no", "metric": "binary_f1"}
    assert (
        score(plan({"SA": {"metric": "accuracy"}}), "SA").settings != score(plan(), "SA").settings
    )


def test_score_code_is_that_of_the_tasks_own_answer_and_metric() -> None:
    made = plan()
    code = {task: score(made, task).code for task in TASKS}
    assert code["PM"] == code["NEW"] == code["AUX"]
    assert len(set(code.values())) == 6
    assert job(made, "score_baseline", model="random", seed=0, task="PM").code != code["PM"]


LIMITED = {
    "Small-constrained": {"base": "Small", "template": "chatml", "answers": "constrained"},
    "Small-likelihood": {
        "base": "Small",
        "template": "chatml",
        "answers": "likelihood",
        "normalization": "bytes",
    },
}


def test_answers_are_limited_in_tasks_whose_answers_have_a_form_or_a_closed_set_alone() -> None:
    made = plan(models=MODELS | LIMITED)
    tasks = {
        name: {path.split("/")[-1] for path in first_files(made, "predict") if f"/{name}/" in path}
        for name in ("Small", *LIMITED)
    }
    assert tasks["Small"] - tasks["Small-constrained"] == {"AG.jsonl"}
    left_out = {"AG.jsonl", "AVE.jsonl", "QPR.jsonl"}
    assert tasks["Small"] - tasks["Small-likelihood"] == left_out
    scored = [path for path in first_files(made, "score") if "Small-likelihood" in path]
    assert len(scored) == len(tasks["Small-likelihood"])


def test_rows_whose_answers_are_not_free_change_nothing_of_the_others() -> None:
    made = plan(models=MODELS | LIMITED)
    assert prediction(made, "Small", "PM") == prediction(plan(), "Small", "PM")
    assert "answers" not in settings(prediction(made, "Small", "PM").settings)
    limited = settings(prediction(made, "Small-likelihood", "SA").settings)
    assert limited.pop("answers") == {
        "mode": "likelihood",
        "type": "choice",
        "option": "text",
        "normalization": "bytes",
    }
    assert limited == settings(prediction(made, "Small", "SA").settings)


def test_the_code_of_a_mode_is_in_the_digest_of_its_own_predictions_alone() -> None:
    made = plan(models=MODELS | LIMITED)
    names = ("Small", *LIMITED)
    assert len({prediction(made, name, "PM").code for name in names}) == 3
    reached = {
        name: set(definition_digests("predict.py", prediction(made, name, "PM").modules))
        for name in names
    }
    package = "ecslm.prediction.answers"
    assert f"{package}.masking" in reached["Small-constrained"]
    assert f"{package}.scoring" in reached["Small-likelihood"]
    free = {name for name in reached["Small"] if name.startswith(package)}
    assert free == {f"{package}.protocol"}


def test_only_constrained_answers_depend_on_the_library_of_grammars() -> None:
    made = plan(models=MODELS | LIMITED)
    uses = {
        name: "llguidance" in (prediction(made, name, "PM").versions or "")
        for name in ("Small", *LIMITED)
    }
    assert uses == {"Small": False, "Small-constrained": True, "Small-likelihood": False}


def test_a_model_may_use_the_adapters_of_another_which_are_trained_once() -> None:
    own = {"base": "Small", "template": "chatml", "adapter_of": "Small-EC", "seeds": [1]}
    models = {"Small-EC-constrained": own | {"answers": "constrained"}}
    made = plan(models=MODELS | models)
    assert first_files(made, "train_adapter") == first_files(plan(), "train_adapter")
    found = prediction(made, "Small-EC-constrained", "PM", seed=1)
    assert "results/shop/adapters/Small-EC/seed-1/manifest.json" in found.inputs
    assert found.versions != prediction(made, "Small", "PM").versions, "that of peft"


def test_adapters_know_nothing_of_tasks_decoding_and_device() -> None:
    other = plan(device="cuda", decoding={"max_new_tokens": 3}, title="Another", batch_tokens=99)
    assert adapter(other, "Small-EC").settings == adapter(plan(), "Small-EC").settings


def test_the_order_of_models_and_tables_changes_no_parameter() -> None:
    entry = {"kind": "parameters", "label": "tab:x", "caption": "X", "models": ["Small-EC"]}
    dataset = {
        "kind": "dataset",
        "label": "tab:y",
        "caption": "Y",
        "tasks": ["PM"],
        "columns": [{"title": "train", "split": "train", "setting": IND}],
    }
    tables = {"first": entry, "second": dataset}
    models = MODELS | {"Alpha": {"base": "Encoder", "template": "chatml"}}
    one = plan(models=models, tables=tables)
    two = plan(
        models=dict(reversed(models.items())),
        tables=dict(reversed(tables.items())),
    )
    assert job(one, "report_page").settings == job(two, "report_page").settings
    for table in tables:
        assert job(one, "render_table", table=table) == job(two, "render_table", table=table)


def test_the_hubs_revision_ties_dataset_files_to_their_content() -> None:
    def source(revision: str) -> str:
        data = {"source": "hub", "id": "a/b", "revision": revision}
        return dataset_content(plan(data=data), "PM", "test")

    assert source("c0ffee") == source("c0ffee") != source("beef")
    assert plan().source.files() == []


@pytest.mark.usefixtures("here")
def test_an_edit_of_a_local_folder_in_hub_layout_concerns_its_dataset_files() -> None:
    def sources(number: int) -> set[str]:
        write_jsonl(Path("shop/train.jsonl"), [row("PM", "test", number)])
        made = plan(data={"source": "hub", "id": "shop", "revision": "main"})
        assert made.source.files() == ["shop"]
        return {dataset_content(made, "PM", "test"), content_of(made, "check_data")}

    assert sources(1) == sources(1)
    assert sources(1).isdisjoint(sources(2))


@pytest.mark.parametrize(
    ("kind", "concerned"), [("unknown_task", False), ("bad_output", True), ("unreadable_row", True)]
)
def test_tolerance_of_rows_that_belong_to_no_file_concerns_none(kind: str, concerned: bool) -> None:
    data = {"source": "path", "path": "rows.jsonl"}
    before, after = plan(data=data), plan(data={**data, "tolerate": [kind]})
    old, new = (dataset_settings(made, "PM", "test") for made in (before, after))
    assert (old != new) == concerned
    assert settings_of(before, "check_data") != settings_of(after, "check_data")


def test_the_published_counts_to_compare_are_those_of_the_studys_files() -> None:
    data = {"source": "path", "path": "rows.jsonl"}
    settings = json.loads(settings_of(plan(data=data, tasks=["PM"], bertscore=None), "check_data"))
    assert settings["published"] == [], "of a shop's own records nothing is published"
    own = {"data": data, "tasks": ["PM"], "bertscore": None}
    release = {"source": "hub", "id": "a/b", "revision": "main"}
    for changes in ({"published_comparable": True}, {"data": release}):
        settings = json.loads(settings_of(plan(**(own | changes)), "check_data"))
        assert {count["task"] for count in settings["published"]} == {"PM"}


def test_the_model_that_data_are_described_with_can_be_named() -> None:
    assert plan().study.described_model == "Small-EC"
    assert plan(described_with="Small").study.described_model == "Small"


# A local file


def row(task: str, split: str, number: int) -> Raw:
    return {
        "split": split,
        "task": task,
        "setting": IND,
        "instruction": "Say.",
        "input": f"sample {number}",
        "options": None,
        "output": "yes",
        "few_shot_example": None,
    }


ROWS = [
    row("Product_Matching", "train", 0),
    row("Product_Matching", "test", 1),
    row("Query_Product_Rank", "test", 2),
    row("Query_Product_Ranking", "test", 3),
    row("SA", "train", 4),
]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def local(rows: list[Raw], settings: Sequence[str] = (IND, OOD), **data: Any) -> Plan:
    write_jsonl(Path("rows.jsonl"), rows)
    return plan(data={"source": "path", "path": "rows.jsonl", **data}, settings=list(settings))


def sources(made: Plan) -> dict[tuple[str, str], str]:
    keys = [("PM", "train"), ("PM", "test"), ("QPR", "test"), ("SA", "train"), ("SA", "test")]
    return {key: dataset_content(made, *key) for key in keys}


@pytest.mark.parametrize(
    ("number", "concerned"),
    [(0, ("PM", "train")), (1, ("PM", "test")), (3, ("QPR", "test")), (4, ("SA", "train"))],
)
@pytest.mark.usefixtures("here")
def test_an_edited_row_concerns_the_dataset_file_of_its_task_and_split_alone(
    number: int, concerned: tuple[str, str]
) -> None:
    before = sources(local(ROWS))
    edited = [dict(row) for row in ROWS]
    edited[number]["output"] = "no"
    after = sources(local(edited))
    assert {key for key in before if before[key] != after[key]} == {concerned}


@pytest.mark.usefixtures("here")
def test_a_task_of_the_registry_that_the_study_leaves_out_may_be_in_the_data() -> None:
    write_jsonl(Path("rows.jsonl"), ROWS)
    data = {"source": "path", "path": "rows.jsonl"}
    made = plan(data=data, tasks=["PM"], bertscore=None)
    assert dataset_content(made, "PM", "train").startswith("source:")


def test_a_broken_or_missing_local_file_stops_the_plan(here: Path) -> None:
    made = local(ROWS)
    (here / "rows.jsonl").write_text('[{"split": "test"')
    with pytest.raises(InputError, match=r"^rows\.jsonl: row 1: not JSON .* truncated\?"):
        dataset_content(made, "PM", "test")
    (here / "rows.jsonl").unlink()
    with pytest.raises(InputError, match=r"^rows\.jsonl: no such file: fix `data`"):
        dataset_content(made, "PM", "test")


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("task", ["PM", "QPR"])
def test_a_job_finds_the_rows_that_the_plan_has_read_whatever_the_file_holds_now(task: str) -> None:
    rows = [row("Product_Matching", "test", 1)]
    text = json.dumps({"query": "lamp", "product list": ["A: x", "B: y"]})
    rows.append(row("Query_Product_Rank", "test", 2) | {"input": text, "output": "A,B"})
    write_json(Path("label.json"), [["E", "S"]])
    made = local(rows, labels={"path": "label.json"}, settings=[IND])
    content = dataset_content(made, task, "test")
    local([one | {"instruction": "Say it."} for one in rows])
    options = ["--task", task, "--split", "test", "--output", "test.jsonl"]
    options += ["--settings", dataset_settings(made, task, "test")]
    options += ["--location", location(made.source.data), "--content", content]
    run_script("dataset.py", *options).check_returncode()
    (record,) = read_records(Path("test.jsonl"))
    assert record.instruction == "Say."


@pytest.mark.usefixtures("here")
def test_labels_concern_the_test_records_of_rankings_alone() -> None:
    write_json(Path("label.json"), [["E"]])
    before = local(ROWS, labels={"path": "label.json"})
    old = sources(before)
    write_json(Path("label.json"), [["S"]])
    new = sources(before)
    assert {key for key in old if old[key] != new[key]} == {("QPR", "test")}

    write_json(Path("other.json"), [["S"]])
    after = local(ROWS, labels={"path": "other.json"})
    keys = [(code, split) for code in ("PM", "QPR") for split in ("train", "val", "test")]
    for key in keys:
        assert dataset_settings(before, *key) == dataset_settings(after, *key)
    assert sources(after) == new


@pytest.mark.parametrize("gone", ["rows.jsonl", "label.json"])
@pytest.mark.usefixtures("here")
def test_without_its_source_a_dataset_file_is_tied_to_what_its_manifest_says(gone: str) -> None:
    """As beside results that were copied from another machine."""
    write_json(Path("label.json"), [["E"]])
    made = local(ROWS, labels={"path": "label.json"})
    before = {**sources(made), "check": content_of(made, "check_data")}
    for path in (*first_files(made, "dataset"), first_files(made, "check_data")[0]):
        write_text(Path(path), "")
        if path == first_files(made, "check_data")[0]:
            content = content_of(made, "check_data")
        else:
            content = dataset_content(made, Path(path).parent.name, Path(path).stem)
        write_manifest(
            manifest_of(Path(path)), made_from([], {}, None, {}) | {"content": content}, []
        )
    Path(gone).unlink()
    made = plan(
        data={"source": "path", "path": "rows.jsonl", "labels": {"path": "label.json"}},
    )
    made.source.check()
    assert {**sources(made), "check": content_of(made, "check_data")} == before
    Path(first_files(made, "dataset")[0]).unlink()
    with pytest.raises(InputError, match=rf"^{gone}: no such file: "):
        made.source.check()


def test_fetching_the_label_file_that_is_pinned_changes_nothing(here: Path) -> None:
    text = '[["E"]]'
    labels = {
        "path": "label.json",
        "url": "https://example.org/label.json",
        "sha256": sha256_of_text(text),
    }
    made = local(ROWS, labels=labels)
    before = dataset_content(made, "QPR", "test")
    (here / "label.json").write_text(text)
    assert dataset_content(made, "QPR", "test") == before
    (here / "label.json").write_text('[["S"]]')
    assert dataset_content(made, "QPR", "test") != before


# Names that tables take from files of the repository


def test_published_rows_and_architectures_that_are_not_there_stop_the_plan(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    results = {
        "kind": "results",
        "label": "tab:r",
        "caption": "R",
        "setting": IND,
        "published_table": "IND",
        "columns": ["PM"],
        "rows": [{"group": "Published", "published": ["GPT-4 Turbo", "GPT-5"]}],
    }
    parameters = {"kind": "parameters", "label": "tab:p", "caption": "P", "models": ["Small-EC"]}
    made = plan(tables={"ind": results, "parameters": parameters})
    with pytest.raises(InputError) as caught:
        made.tables.check()
    assert len(caught.value.problems) == 2
    row, architecture = caught.value.problems
    assert row.startswith("studies.shop.tables.ind.rows: GPT-5 is not in table IND")
    assert architecture.startswith("studies.shop.tables.parameters.models: Small-EC: Small is not")


def test_an_architecture_may_have_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    entry = {"kind": "parameters", "label": "tab:p", "caption": "P", "models": ["Small-EC"]}
    named = {"Small": "SmolLM2-135M"}
    plan(tables={"parameters": entry}, architectures=named).tables.check()


def test_the_code_of_the_report_is_that_of_the_metrics_of_its_tasks_too() -> None:
    """They say which answers it shows as the best and the worst."""
    assert job(plan(tasks=["PM", "SA"]), "report_page").modules == (
        "ecslm.scoring.metrics.binary_f1",
        "ecslm.scoring.metrics.macro_f1",
    )


# Orders without a meaning


NAMES = ("Query_Product_Rank", "Query_Product_Ranking", "QPR_Old")
TOLERATED = ("bad_input", "bad_output", "duplicate_record")
SETTINGS = (IND, OOD, "OOD_Unseen", "IND_Unseen")


def jobs_but_the_data_card(**orders: Sequence[str]) -> dict[str, Job]:
    data = {"source": "hub", "id": "a/b", "revision": "main", "tolerate": orders["tolerate"]}
    made = plan(
        {"QPR": {"aliases": list(orders["names"])}},
        tasks=list(orders["tasks"]),
        settings=list(orders["settings"]),
        baselines=list(orders["baselines"]),
        data=data,
        comparisons={
            "contrasts": {
                "tuning": {"kind": "models", "pairs": [["Small-EC", "Small"]], "settings": [IND]}
            }
        },
    )
    return {job.manifest: job for job in made.jobs if job.rule != "data_card"}


@given(
    st.permutations(list(TASKS)),
    st.permutations(SETTINGS),
    st.permutations(NAMES),
    st.permutations(TOLERATED),
    st.permutations(BASELINES),
)
@hypothesis_settings(max_examples=15)
def test_the_order_of_names_in_the_configuration_reaches_no_job_but_the_data_card(
    tasks: list[str],
    settings: list[str],
    names: list[str],
    tolerate: list[str],
    baselines: list[str],
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        plain = jobs_but_the_data_card(
            tasks=list(TASKS),
            settings=SETTINGS,
            names=NAMES,
            tolerate=TOLERATED,
            baselines=BASELINES,
        )
        other = jobs_but_the_data_card(
            tasks=tasks,
            settings=settings,
            names=names,
            tolerate=tolerate,
            baselines=baselines,
        )
    assert plain.keys() == other.keys()
    for manifest, job_ in plain.items():
        if job_.rule == "report_page":
            # Its settings keep no order; that of its inputs is not compared.
            assert set(job_.inputs) == set(other[manifest].inputs)
            assert job_.settings == other[manifest].settings
        else:
            assert job_ == other[manifest]


def test_the_order_of_seeds_and_target_modules_reaches_no_job() -> None:
    def jobs(seeds: list[int], targets: list[str]) -> tuple[Job, ...]:
        tuned = MODELS["Small-EC"] | {"seeds": seeds, "training": {"target_modules": targets}}
        return plan(models=MODELS | {"Small-EC": tuned}).jobs

    assert jobs([3, 1, 2], ["v_proj", "q_proj"]) == jobs([1, 2, 3], ["q_proj", "v_proj"])
    assert jobs([1, 2], ["v_proj", "q_proj"]) != jobs([1, 2], ["v_proj", "k_proj"])


@pytest.mark.usefixtures("here")
def test_a_moved_data_file_concerns_what_shows_its_name_alone() -> None:
    before = local(ROWS)
    keys = [(code, split) for code in ("PM", "QPR", "SA") for split in ("train", "test")]
    settings_before = [dataset_settings(before, *key) for key in keys]
    found = sources(before)
    Path("other").mkdir()
    Path("rows.jsonl").rename("other/file.jsonl")
    after = plan(data={"source": "path", "path": "other/file.jsonl"})
    assert [dataset_settings(after, *key) for key in keys] == settings_before
    assert sources(after) == found
    assert content_of(after, "check_data") != content_of(before, "check_data")
