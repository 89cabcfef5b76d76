"""How many records jobs are estimated for, before there are dataset files."""

from pathlib import Path
from typing import Any

import pytest
from support.plans import plan
from support.project import RESOURCES
from support.raw_rows import IND, lines, row, write

from ecslm.plan.workloads import UNKNOWN_RECORDS, Workloads

SHARES = {"split": {"val": 0.1, "test": 0.3}}


def workloads(folder: Path, **data: Any) -> Workloads:
    source = {"source": "path", "path": str(folder / "rows.jsonl"), **data}
    return Workloads(plan(data=source).study)


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "resources").symlink_to(RESOURCES)
    monkeypatch.chdir(tmp_path)


def test_records_of_local_files_are_counted_also_those_that_are_divided(tmp_path: Path) -> None:
    splits = ["train"] * 5 + ["val"] * 2 + ["test"] * 3
    rows = [row("PM", split, number) for number, split in enumerate(splits)]
    write(tmp_path, lines(rows))
    found = workloads(tmp_path)
    assert [found.records("PM", split) for split in ("train", "val", "test")] == [5, 2, 3]
    assert found.records("PM", "test", [IND]) == 3
    own = [{key: text for key, text in one.items() if key != "split"} for one in rows]
    write(tmp_path, lines(own))
    divided = workloads(tmp_path, **SHARES)
    assert sum(divided.records("PM", split) for split in ("train", "val", "test")) == 10


def test_without_the_file_as_many_are_assumed_as_of_an_unknown_task(tmp_path: Path) -> None:
    assert workloads(tmp_path).records("NEW", "test", [IND]) == UNKNOWN_RECORDS["test"]
