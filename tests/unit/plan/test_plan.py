"""The plan: which files a study has, and what each job's parameters depend on."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.plans import BASELINES, IND, MODELS, OOD, TASKS, plan
from support.project import ROOT

from ecslm.common.errors import InputError
from ecslm.common.files import write_json, write_jsonl, write_text
from ecslm.common.hashing import sha256_of_text
from ecslm.common.manifests import made_from, manifest_of, write_manifest
from ecslm.plan.report import ReportPlan
from ecslm.plan.study import Plan

Raw = dict[str, Any]


def settings(text: str) -> Raw:
    return dict(json.loads(text))


# Files


def test_dataset_files_are_those_of_the_splits_that_a_task_has() -> None:
    found = plan().dataset_files()
    prefix = "results/shop/dataset/"
    of = {code: [f for f in found if f.startswith(f"{prefix}{code}/")] for code in TASKS}
    assert of["PM"] == [f"{prefix}PM/{split}.jsonl" for split in ("train", "val", "test")]
    assert of["NEW"] == [f"{prefix}NEW/test.jsonl"]
    assert of["AUX"] == [f"{prefix}AUX/train.jsonl", f"{prefix}AUX/val.jsonl"]
    assert len(found) == sum(map(len, of.values())) == 3 * len(TASKS) - 3


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_task_that_does_not_train_is_no_input_of_the_adapters(split: str) -> None:
    codes = [code for code in TASKS if code != "NEW"]
    expected = [f"results/shop/dataset/{code}/{split}.jsonl" for code in codes]
    assert plan().training_files(split) == expected


def test_a_new_task_that_does_not_train_changes_nothing_of_the_adapters() -> None:
    before, after = plan(tasks=["PM"]), plan(tasks=["PM", "NEW"])
    assert before.training_files("train") == after.training_files("train")
    assert before.adapter_settings("Small-EC") == after.adapter_settings("Small-EC")
    assert set(after.prediction_files()) - set(before.prediction_files()) == {
        "results/shop/predictions/Small/seed-0/NEW.jsonl",
        "results/shop/predictions/Small-EC/seed-0/NEW.jsonl",
        "results/shop/predictions/Small-EC/seed-1/NEW.jsonl",
    }


def test_adapters_are_made_for_each_seed_of_tuned_models_alone() -> None:
    assert plan().adapter_files() == [
        "results/shop/adapters/Small-EC/seed-0/manifest.json",
        "results/shop/adapters/Small-EC/seed-1/manifest.json",
    ]


def test_predictions_are_made_for_each_model_seed_and_evaluated_task() -> None:
    found = plan().prediction_files()
    assert len(found) == len(set(found)) == 3 * (len(TASKS) - 1)
    assert "results/shop/predictions/Small-EC/seed-1/NEW.jsonl" in found
    assert not [path for path in found if path.endswith("AUX.jsonl")]


def test_bertscores_are_made_for_generation_tasks_alone() -> None:
    assert plan().bertscore_files() == [
        "results/shop/bertscore/Small/seed-0/AG.jsonl",
        "results/shop/bertscore/Small-EC/seed-0/AG.jsonl",
        "results/shop/bertscore/Small-EC/seed-1/AG.jsonl",
    ]


def test_metrics_are_those_of_models_and_of_baselines_where_they_are_defined() -> None:
    found = plan().metric_files()
    rows = {path.removeprefix("results/shop/metrics/").split("/")[0] for path in found}
    assert rows == {"Small", "Small-EC", *BASELINES}
    own = [path for path in found if "/Small" in path]
    assert [path.replace("/metrics/", "/predictions/") + "l" for path in own] == (
        plan().prediction_files()
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
    assert plan().baseline_tasks(baseline) == tasks


def test_bases_are_those_of_the_models_and_of_the_encoder() -> None:
    assert plan().base_files() == [
        "results/bases/Small/manifest.json",
        "results/bases/Encoder/manifest.json",
    ]
    without = plan(tasks=["PM"], bertscore=None)
    assert without.base_files() == ["results/bases/Small/manifest.json"]
    assert without.encoder() == []


def test_a_study_without_tables_has_a_report_all_the_same() -> None:
    drawn = ReportPlan(plan())
    assert drawn.table_files() == []
    assert json.loads(drawn.report_settings())["tables"] == []
    assert "results/shop/adapters/Small-EC/seed-1/manifest.json" in drawn.report_inputs()


# Parameters


def test_a_parameter_is_one_canonical_string() -> None:
    made = plan()
    for text in (
        made.dataset_settings("PM", "train"),
        made.adapter_settings("Small-EC"),
        made.prediction_settings("Small", "PM"),
        made.score_settings("PM"),
        made.bertscore_settings(),
        made.base_settings("Small"),
    ):
        canonical = json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))
        assert text == canonical


def test_parameters_of_different_kinds_cannot_be_taken_for_each_other() -> None:
    made = plan()
    assert made.dataset_code().startswith("code:")
    assert made.dataset_source("PM", "test").startswith("source:")
    assert made.score_code("score.py", "PM").startswith("code:")
    assert made.score_versions().startswith('versions:{"numpy":"')


def test_versions_are_those_of_the_libraries_that_compute_a_result() -> None:
    def libraries(parameter: str) -> set[str]:
        return set(json.loads(parameter.removeprefix("versions:")))

    exact = plan(precision={"quantization": "none", "dtype": "float32"})
    quantised = plan(precision={"quantization": "nf4"})
    assert libraries(exact.adapter_versions("Small-EC")) == {"torch", "transformers", "peft"}
    assert libraries(exact.prediction_versions("Small-EC", "PM")) == {
        *("torch", "transformers", "peft")
    }
    assert libraries(exact.prediction_versions("Small", "PM")) == {"torch", "transformers"}
    assert libraries(quantised.prediction_versions("Small", "PM")) == {
        *("torch", "transformers", "bitsandbytes")
    }
    assert "bitsandbytes" in libraries(quantised.adapter_versions("Small-EC"))
    assert libraries(exact.bertscore_versions()) == {"torch", "transformers", "bert-score"}


@pytest.mark.parametrize(("dtype", "budget"), [("float32", None), ("bfloat16", 777)])
def test_the_token_budget_is_a_setting_only_where_it_can_change_an_answer(
    dtype: str, budget: int | None
) -> None:
    made = plan(precision={"dtype": dtype})
    assert settings(made.prediction_settings("Small", "PM"))["batch_tokens"] == budget
    assert "777" not in made.adapter_settings("Small-EC")


def test_decoding_of_a_task_is_a_setting_of_its_own_predictions_alone() -> None:
    before, after = plan(), plan(task_decoding={"AVE": {"max_new_tokens": 7}})
    differing = [
        code
        for code in TASKS
        if before.prediction_settings("Small", code) != after.prediction_settings("Small", code)
    ]
    assert differing == ["AVE"]


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_training_split_knows_nothing_of_the_evaluation(split: str) -> None:
    text = plan().dataset_settings("SA", split)
    assert settings(text)["settings"] == [IND]
    assert plan(settings=[IND, OOD, "OOD_Unseen"]).dataset_settings("SA", split) == text


def test_ood_settings_are_dropped_for_tasks_without_ood_records() -> None:
    made = plan(settings=[OOD, IND, "OOD_Unseen", "IND_Unseen"])
    found = {code: settings(made.dataset_settings(code, "test"))["settings"] for code in TASKS}
    assert found["PM"] == found["QPR"] == [IND, "IND_Unseen"]
    assert found["SA"] == [OOD, IND, "OOD_Unseen", "IND_Unseen"]


def test_a_new_evaluation_setting_of_ood_leaves_tasks_without_ood_alone() -> None:
    before, after = plan(), plan(settings=[IND, OOD, "OOD_Unseen"])
    changed = {
        code
        for code in TASKS
        if before.dataset_settings(code, "test") != after.dataset_settings(code, "test")
    }
    assert changed == {code for code in TASKS if code not in ("PM", "QPR")}


def test_score_settings_hold_nothing_of_a_task_but_how_it_is_scored() -> None:
    words = {"title": "Another", "aliases": ["X"], "train": False, "ood": True}
    assert plan({"PM": words}).score_settings("PM") == plan().score_settings("PM")
    kinds = settings(plan().score_settings("PM"))["task"]
    assert kinds == {"answer": "yes_no", "metric": "binary_f1"}
    assert plan({"SA": {"metric": "accuracy"}}).score_settings("SA") != plan().score_settings("SA")


def test_score_code_is_that_of_the_tasks_own_answer_and_metric() -> None:
    made = plan()
    code = {task: made.score_code("score.py", task) for task in TASKS}
    assert code["PM"] == code["NEW"] == code["AUX"]
    assert len(set(code.values())) == 6
    assert made.score_code("score_baseline.py", "PM") != code["PM"]


def test_adapters_know_nothing_of_tasks_decoding_and_device() -> None:
    other = plan(device="cuda", decoding={"max_new_tokens": 3}, title="Another", batch_tokens=99)
    assert other.adapter_settings("Small-EC") == plan().adapter_settings("Small-EC")


def test_a_demos_sizes_of_one_task_concern_that_task_alone() -> None:
    def demo(**tasks: Any) -> Plan:
        return plan(data={"source": "demo", "tasks": tasks})

    before, after = demo(PM={"train": 3}), demo(PM={"train": 4})
    for code, same in (("PM", False), ("SA", True)):
        one, two = (made.dataset_settings(code, "train") for made in (before, after))
        assert (one == two) == same


@pytest.mark.parametrize("size", ["test_ind", "test_ood"])
def test_the_size_of_the_demos_test_data_concerns_no_training_file(size: str) -> None:
    before, after = (plan(data={"source": "demo", size: count}) for count in (5, 6))
    for split, same in (("train", True), ("val", True), ("test", False)):
        one, two = (made.dataset_settings("PM", split) for made in (before, after))
        assert (one == two) == same


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
    one = ReportPlan(plan(models=models, tables=tables))
    two = ReportPlan(
        plan(
            models=dict(reversed(models.items())),
            tables=dict(reversed(tables.items())),
        )
    )
    assert one.report_settings() == two.report_settings()
    for table in tables:
        assert one.table_settings(table) == two.table_settings(table)
        assert one.table_resources(table) == two.table_resources(table)


def test_the_hubs_revision_ties_dataset_files_to_their_content() -> None:
    def source(revision: str) -> str:
        data = {"source": "hub", "id": "a/b", "revision": revision}
        return plan(data=data).dataset_source("PM", "test")

    assert source("c0ffee") == source("c0ffee") != source("beef")
    assert plan().source_files() == []


@pytest.mark.usefixtures("here")
def test_an_edit_of_a_local_folder_in_hub_layout_concerns_its_dataset_files() -> None:
    def sources(number: int) -> set[str]:
        write_jsonl(Path("shop/train.jsonl"), [row("PM", "test", number)])
        made = plan(data={"source": "hub", "id": "shop", "revision": "main"})
        assert made.source_files() == ["shop"]
        return {made.dataset_source("PM", "test"), made.check_source_content()}

    assert sources(1) == sources(1)
    assert sources(1).isdisjoint(sources(2))


@pytest.mark.parametrize(
    ("kind", "concerned"), [("unknown_task", False), ("bad_output", True), ("unreadable_row", True)]
)
def test_tolerance_of_rows_that_belong_to_no_file_concerns_none(kind: str, concerned: bool) -> None:
    data = {"source": "path", "path": "rows.jsonl"}
    before, after = plan(data=data), plan(data={**data, "tolerate": [kind]})
    old, new = (made.dataset_settings("PM", "test") for made in (before, after))
    assert (old != new) == concerned
    assert before.check_settings() != after.check_settings()


def test_the_published_counts_to_compare_are_those_of_the_studys_files() -> None:
    data = {"source": "path", "path": "rows.jsonl"}
    settings = json.loads(plan(data=data, tasks=["PM"], bertscore=None).check_settings())
    assert {count["task"] for count in settings["published"]} <= {"PM"}
    generated = plan(data={"source": "demo"}).check_settings()
    assert json.loads(generated)["published"] == []


def test_the_model_that_data_are_described_with_can_be_named() -> None:
    assert plan().described_model == "Small-EC"
    assert plan(described_with="Small").described_model == "Small"


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


def local(rows: list[Raw], **data: Any) -> Plan:
    write_jsonl(Path("rows.jsonl"), rows)
    return plan(data={"source": "path", "path": "rows.jsonl", **data})


def sources(made: Plan) -> dict[tuple[str, str], str]:
    keys = [("PM", "train"), ("PM", "test"), ("QPR", "test"), ("SA", "train"), ("SA", "test")]
    return {key: made.dataset_source(*key) for key in keys}


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
    assert made.dataset_source("PM", "train").startswith("source:")


def test_a_broken_or_missing_local_file_stops_the_plan(here: Path) -> None:
    made = local(ROWS)
    (here / "rows.jsonl").write_text('[{"split": "test"')
    with pytest.raises(InputError, match=r"^rows\.jsonl: row 1: not JSON .* truncated\?"):
        made.dataset_source("PM", "test")
    (here / "rows.jsonl").unlink()
    with pytest.raises(InputError, match=r"^rows\.jsonl: no such file$"):
        made.dataset_source("PM", "test")


@pytest.mark.usefixtures("here")
def test_labels_concern_the_test_records_of_rankings_alone() -> None:
    write_json(Path("label.json"), [["E"]])
    before = local(ROWS, labels={"path": "label.json"})
    old = sources(before)
    write_json(Path("label.json"), [["S"]])
    new = sources(before)
    assert {key for key in old if old[key] != new[key]} == {("QPR", "test")}

    after = local(ROWS, labels={"path": "other.json"})
    keys = [(code, split) for code in ("PM", "QPR") for split in ("train", "val", "test")]
    differing = [
        key for key in keys if before.dataset_settings(*key) != after.dataset_settings(*key)
    ]
    assert differing == [("QPR", "test")]


@pytest.mark.parametrize("gone", ["rows.jsonl", "label.json"])
@pytest.mark.usefixtures("here")
def test_without_its_source_a_dataset_file_is_tied_to_what_its_manifest_says(gone: str) -> None:
    """As beside results that were copied from another machine."""
    write_json(Path("label.json"), [["E"]])
    made = local(ROWS, labels={"path": "label.json"})
    before = {**sources(made), "check": made.check_source_content()}
    for path in (*made.dataset_files(), made.data_check()):
        write_text(Path(path), "")
        if path == made.data_check():
            content = made.check_source_content()
        else:
            content = made.dataset_source(Path(path).parent.name, Path(path).stem)
        write_manifest(
            manifest_of(Path(path)), made_from([], {}, None, {}) | {"content": content}, []
        )
    Path(gone).unlink()
    made = plan(
        data={"source": "path", "path": "rows.jsonl", "labels": {"path": "label.json"}},
    )
    made.check_source()
    assert {**sources(made), "check": made.check_source_content()} == before
    Path(made.dataset_files()[0]).unlink()
    with pytest.raises(InputError, match=rf"^{gone}: no such file: mend `data`"):
        made.check_source()


def test_fetching_the_label_file_that_is_pinned_changes_nothing(here: Path) -> None:
    text = '[["E"]]'
    labels = {
        "path": "label.json",
        "url": "https://example.org/label.json",
        "sha256": sha256_of_text(text),
    }
    made = local(ROWS, labels=labels)
    before = made.dataset_source("QPR", "test")
    (here / "label.json").write_text(text)
    assert made.dataset_source("QPR", "test") == before
    (here / "label.json").write_text('[["S"]]')
    assert made.dataset_source("QPR", "test") != before


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
    made = ReportPlan(plan(tables={"ind": results, "parameters": parameters}))
    with pytest.raises(InputError) as caught:
        made.check_names()
    assert len(caught.value.problems) == 2
    row, architecture = caught.value.problems
    assert row.startswith("studies.shop.tables.ind.rows: GPT-5 is not in table IND")
    assert architecture.startswith("studies.shop.tables.parameters.models: Small-EC: Small is not")


def test_an_architecture_may_have_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    entry = {"kind": "parameters", "label": "tab:p", "caption": "P", "models": ["Small-EC"]}
    named = {"Small": "SmolLM2-135M"}
    ReportPlan(plan(tables={"parameters": entry}, architectures=named)).check_names()
