"""What ties dataset files to the rows of their source, and to the settings that concern them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from support.plans import IND, OOD, plan
from support.project import RESOURCES
from support.raw_rows import row
from support.scripts import run_script

from ecslm.common.errors import InputError
from ecslm.common.files import write_json, write_jsonl, write_text
from ecslm.common.hashing import sha256_of_text
from ecslm.common.manifests import made_from, manifest_of, write_manifest
from ecslm.data.source import location
from ecslm.plan.inputs import source_of
from ecslm.plan.jobs import check_settings, dataset_settings, json_parameter
from ecslm.plan.study import Study
from ecslm.schemas.record import read_records

Raw = dict[str, Any]
LOCAL = {"source": "path", "path": "rows.jsonl"}
KEYS = [(task, split) for task in ("PM", "QPR", "SA") for split in ("train", "test")]


def settings_of(made: Study, task: str, split: str) -> str:
    return json_parameter(dataset_settings(made, task, split))


def sources(made: Study) -> dict[tuple[str, str], str]:
    return {key: source_of(made).content(*key) for key in KEYS}


@pytest.mark.parametrize(
    ("kind", "concerned"), [("unknown_task", False), ("bad_output", True), ("unreadable_row", True)]
)
def test_tolerance_of_rows_that_belong_to_no_file_concerns_none(kind: str, concerned: bool) -> None:
    before, after = plan(data=LOCAL), plan(data={**LOCAL, "tolerate": [kind]})
    old, new = (settings_of(made, "PM", "test") for made in (before, after))
    assert (old != new) == concerned
    assert check_settings(before) != check_settings(after)


def test_the_published_counts_to_compare_are_those_of_the_studys_files() -> None:
    own = {"data": LOCAL, "tasks": ["PM"], "bertscore": None}
    assert not check_settings(plan(**own)).published, "nothing is published of own records"
    release = {"source": "hub", "id": "a/b", "revision": "main"}
    for changes in ({"published_comparable": True}, {"data": release}):
        published = check_settings(plan(**(own | changes))).published
        assert {count.task for count in published} == {"PM"}


# Files of this machine


ROWS = [
    row("Product_Matching", "train", 0),
    row("Product_Matching", "test", 1),
    row("Query_Product_Rank", "test", 2),
    row("Query_Product_Ranking", "test", 3),
    row("SA", "train", 4),
]


@pytest.fixture(autouse=True)
def here(empty_folder: Path) -> None:
    """An empty working folder, but for published counts."""
    (empty_folder / "resources").symlink_to(RESOURCES)


def local(rows: list[Raw], settings: Sequence[str] = (IND, OOD), **data: Any) -> Study:
    write_jsonl(Path("rows.jsonl"), rows)
    return plan(data={**LOCAL, **data}, settings=list(settings))


@pytest.mark.parametrize("task", ["PM", "QPR"])
def test_a_job_finds_the_rows_that_the_plan_has_read(task: str) -> None:
    rows = [row("Product_Matching", "test", 1)]
    text = json.dumps({"query": "lamp", "product list": ["A: x", "B: y"]})
    rows.append(row("Query_Product_Rank", "test", 2) | {"input": text, "output": "A,B"})
    write_json(Path("label.json"), [["E", "S"]])
    made = local(rows, labels={"path": "label.json"}, settings=[IND])
    content = source_of(made).content(task, "test")
    options = ["--task", task, "--split", "test", "--output", "test.jsonl"]
    options += ["--settings", settings_of(made, task, "test")]
    options += ["--location", location(made.settings.data), "--content", content]
    run_script("dataset.py", *options).check_returncode()
    (record,) = read_records(Path("test.jsonl"))
    assert record.instruction == rows[0]["instruction"]


@pytest.mark.parametrize("gone", ["rows.jsonl", "label.json"])
def test_without_its_source_a_dataset_file_is_tied_to_what_its_manifest_says(gone: str) -> None:
    """As beside results that were copied from another machine."""
    write_json(Path("label.json"), [["E"]])
    made = local(ROWS, labels={"path": "label.json"})
    source, before = source_of(made), sources(made)
    contents = {made.path("data_check.json"): source.content()} | {
        made.dataset_file(task, split): source.content(task, split)
        for task in made.settings.tasks
        for split in made.splits(task)
    }
    for path, content in contents.items():
        write_text(Path(path), "")
        fields = made_from([], {}, None, {}) | {"content": content}
        write_manifest(manifest_of(Path(path)), fields, [])
    Path(gone).unlink()
    made = plan(data={**LOCAL, "labels": {"path": "label.json"}})
    source_of(made).check()
    assert sources(made) == before
    assert source_of(made).content() in contents.values()
    Path(made.dataset_file("PM", "test")).unlink()
    with pytest.raises(InputError, match=rf"^{gone}: no such file: "):
        source_of(made).check()


def test_labels_concern_rankings_alone_and_fetching_the_file_that_is_pinned_nothing() -> None:
    labels = {"path": "label.json", "url": "https://example.org/label.json"}
    made = local(ROWS, labels=labels | {"sha256": sha256_of_text('[["E"]]')})
    before = sources(made)
    Path("label.json").write_text('[["E"]]')
    assert sources(made) == before
    made = local(ROWS, labels={"path": "label.json"})
    before = sources(made)
    Path("label.json").write_text('[["S"]]')
    after = sources(made)
    assert {key for key in before if before[key] != after[key]} == {("QPR", "test")}
