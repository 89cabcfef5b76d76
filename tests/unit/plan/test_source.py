"""What ties dataset files to the rows of their source, and to the settings that concern them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from support.plans import IND, OOD, TASKS, plan
from support.project import ROOT
from support.scripts import run_script

from ecslm.common.errors import InputError
from ecslm.common.files import write_json, write_jsonl, write_text
from ecslm.common.hashing import sha256_of_text
from ecslm.common.manifests import made_from, manifest_of, write_manifest
from ecslm.data.location import location
from ecslm.plan.data import check_settings, dataset_settings
from ecslm.plan.parameters import json_parameter
from ecslm.plan.plan import Plan
from ecslm.plan.tables import check_tables
from ecslm.schemas.record import read_records

Raw = dict[str, Any]
LOCAL = {"source": "path", "path": "rows.jsonl"}


def settings_of(made: Plan, task: str, split: str) -> str:
    return json_parameter(dataset_settings(made.study, task, split))


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_training_split_knows_nothing_of_the_evaluation(split: str) -> None:
    text = settings_of(plan(), "SA", split)
    assert json.loads(text)["settings"] == [IND]
    assert settings_of(plan(settings=[IND, OOD, "OOD_Unseen"]), "SA", split) == text


def test_a_new_setting_out_of_domain_leaves_tasks_without_such_records_alone() -> None:
    before, after = plan(), plan(settings=[IND, OOD, "OOD_Unseen"])
    changed = {
        code
        for code in TASKS
        if settings_of(before, code, "test") != settings_of(after, code, "test")
    }
    assert changed == {code for code in TASKS if code not in ("PM", "QPR")}


def test_the_hubs_revision_ties_dataset_files_to_their_content() -> None:
    def source(revision: str) -> str:
        data = {"source": "hub", "id": "a/b", "revision": revision}
        return plan(data=data).source.content_of_split("PM", "test")

    assert source("c0ffee") == source("c0ffee") != source("beef")
    assert source("beef").startswith("source:")


@pytest.mark.parametrize(
    ("kind", "concerned"), [("unknown_task", False), ("bad_output", True), ("unreadable_row", True)]
)
def test_tolerance_of_rows_that_belong_to_no_file_concerns_none(kind: str, concerned: bool) -> None:
    before, after = plan(data=LOCAL), plan(data={**LOCAL, "tolerate": [kind]})
    old, new = (settings_of(made, "PM", "test") for made in (before, after))
    assert (old != new) == concerned
    assert check_settings(before.study) != check_settings(after.study)


def test_the_published_counts_to_compare_are_those_of_the_studys_files() -> None:
    own = {"data": LOCAL, "tasks": ["PM"], "bertscore": None}
    assert not check_settings(plan(**own).study).published, "nothing is published of own records"
    release = {"source": "hub", "id": "a/b", "revision": "main"}
    for changes in ({"published_comparable": True}, {"data": release}):
        published = check_settings(plan(**(own | changes)).study).published
        assert {count.task for count in published} == {"PM"}


def test_the_model_that_data_are_described_with_can_be_named() -> None:
    assert plan().study.described_model == "Small-EC"
    assert plan(described_with="Small").study.described_model == "Small"


# Files of this machine


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
KEYS = [("PM", "train"), ("PM", "test"), ("QPR", "test"), ("SA", "train"), ("SA", "test")]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def local(rows: list[Raw], settings: Sequence[str] = (IND, OOD), **data: Any) -> Plan:
    write_jsonl(Path("rows.jsonl"), rows)
    return plan(data={**LOCAL, **data}, settings=list(settings))


def sources(made: Plan) -> dict[tuple[str, str], str]:
    return {key: made.source.content_of_split(*key) for key in KEYS}


@pytest.mark.usefixtures("here")
def test_an_edit_of_a_local_folder_in_hub_layout_concerns_its_dataset_files() -> None:
    def found(number: int) -> set[str]:
        write_jsonl(Path("shop/train.jsonl"), [row("PM", "test", number)])
        source = plan(data={"source": "hub", "id": "shop", "revision": "main"}).source
        return {source.content_of_split("PM", "test"), source.content_of_all()}

    assert found(1) == found(1)
    assert found(1).isdisjoint(found(2))


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


def test_a_broken_or_missing_local_file_stops_the_plan(here: Path) -> None:
    made = local(ROWS)
    (here / "rows.jsonl").write_text('[{"split": "test"')
    with pytest.raises(InputError, match=r"^rows\.jsonl: row 1: not JSON .* truncated\?"):
        made.source.content_of_split("PM", "test")
    (here / "rows.jsonl").unlink()
    with pytest.raises(InputError, match=r"^rows\.jsonl: no such file: fix `data`"):
        made.source.content_of_split("PM", "test")


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("task", ["PM", "QPR"])
def test_a_job_finds_the_rows_that_the_plan_has_read_whatever_the_file_holds_now(task: str) -> None:
    rows = [row("Product_Matching", "test", 1)]
    text = json.dumps({"query": "lamp", "product list": ["A: x", "B: y"]})
    rows.append(row("Query_Product_Rank", "test", 2) | {"input": text, "output": "A,B"})
    write_json(Path("label.json"), [["E", "S"]])
    made = local(rows, labels={"path": "label.json"}, settings=[IND])
    content = made.source.content_of_split(task, "test")
    local([one | {"instruction": "Say it."} for one in rows])
    options = ["--task", task, "--split", "test", "--output", "test.jsonl"]
    options += ["--settings", settings_of(made, task, "test")]
    options += ["--location", location(made.source.data), "--content", content]
    run_script("dataset.py", *options).check_returncode()
    (record,) = read_records(Path("test.jsonl"))
    assert record.instruction == "Say."


@pytest.mark.usefixtures("here")
def test_labels_concern_the_test_records_of_rankings_alone_and_their_path_none() -> None:
    write_json(Path("label.json"), [["E"]])
    before = local(ROWS, labels={"path": "label.json"})
    old = sources(before)
    write_json(Path("label.json"), [["S"]])
    new = sources(before)
    assert {key for key in old if old[key] != new[key]} == {("QPR", "test")}
    write_json(Path("other.json"), [["S"]])
    after = local(ROWS, labels={"path": "other.json"})
    assert [settings_of(before, *key) for key in KEYS] == [settings_of(after, *key) for key in KEYS]
    assert sources(after) == new


@pytest.mark.parametrize("gone", ["rows.jsonl", "label.json"])
@pytest.mark.usefixtures("here")
def test_without_its_source_a_dataset_file_is_tied_to_what_its_manifest_says(gone: str) -> None:
    """As beside results that were copied from another machine."""
    write_json(Path("label.json"), [["E"]])
    made = local(ROWS, labels={"path": "label.json"})
    study = made.study
    before = {**sources(made), "check": made.source.content_of_all()}
    contents = {
        study.dataset_file(task, split): made.source.content_of_split(task, split)
        for task in study.settings.tasks
        for split in study.splits(task)
    } | {study.path("data_check.json"): made.source.content_of_all()}
    for path, content in contents.items():
        write_text(Path(path), "")
        fields = made_from([], {}, None, {}) | {"content": content}
        write_manifest(manifest_of(Path(path)), fields, [])
    Path(gone).unlink()
    made = plan(data={**LOCAL, "labels": {"path": "label.json"}})
    made.source.check()
    assert {**sources(made), "check": made.source.content_of_all()} == before
    Path(next(iter(contents))).unlink()
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
    before = made.source.content_of_split("QPR", "test")
    (here / "label.json").write_text(text)
    assert made.source.content_of_split("QPR", "test") == before
    (here / "label.json").write_text('[["S"]]')
    assert made.source.content_of_split("QPR", "test") != before


@pytest.mark.usefixtures("here")
def test_a_moved_data_file_concerns_what_shows_its_name_alone() -> None:
    before = local(ROWS)
    settings, found, whole = (
        [settings_of(before, *key) for key in KEYS],
        sources(before),
        before.source.content_of_all(),
    )
    Path("other").mkdir()
    Path("rows.jsonl").rename("other/file.jsonl")
    after = plan(data={"source": "path", "path": "other/file.jsonl"})
    assert [settings_of(after, *key) for key in KEYS] == settings
    assert sources(after) == found
    assert after.source.content_of_all() != whole


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
    with pytest.raises(InputError) as caught:
        check_tables(plan(tables={"ind": results, "parameters": parameters}).study)
    row, architecture = caught.value.problems
    assert row.startswith("studies.shop.tables.ind.rows: GPT-5 is not in table IND")
    assert architecture.startswith("studies.shop.tables.parameters.models: Small-EC: Small is not")
    # An architecture may have another name.
    named = {"Small": "SmolLM2-135M"}
    check_tables(plan(tables={"parameters": parameters}, architectures=named).study)
