"""The script that builds a dataset file, from local files and from the hub on a local directory."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from support.project import ROOT
from support.raw_rows import IND, ONE_SHOT, OOD, ROWS, Row, lines, parquet, row, write
from support.scripts import run_script

from ecslm.common.files import read_json
from ecslm.data.content import content_of_all, content_of_split, content_parameter
from ecslm.data.settings import HubData, PathData
from ecslm.data.sources.hub import source_digests
from ecslm.data.sources.path import open_rows
from ecslm.schemas.record import Record, read_records

SCRIPT = ROOT / "scripts/dataset.py"
ALL = (IND, OOD, ONE_SHOT)
ALIASES = ["Product_Substitute_Identification", "Product_Substitue_Identification"]


@pytest.fixture(scope="module", autouse=True)
def _hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No network for `datasets`, and a cache of its own; it takes a second to import."""
    from datasets import config
    from huggingface_hub import constants

    folder = tmp_path_factory.mktemp("hf")
    with pytest.MonkeyPatch.context() as patch:
        for library in (config, constants):
            patch.setattr(library, "HF_HUB_OFFLINE", True)
        for kind in ("HF_DATASETS_CACHE", "HF_MODULES_CACHE", "DOWNLOADED_DATASETS_PATH"):
            patch.setattr(config, kind, folder / kind)
        yield


def script(
    folder: Path,
    source: dict[str, Any],
    output: str = "test.jsonl",
    settings: Sequence[str] = (IND,),
    content: str | None = None,
) -> subprocess.CompletedProcess[str]:
    options = script_options(folder, source, output, settings)
    options += [] if content is None else ["--content", content]
    return run_script("dataset.py", *options, folder=folder)


def script_options(
    folder: Path, source: dict[str, Any], output: str, settings: Sequence[str]
) -> list[str]:
    given = {"source": source, "aliases": ALIASES, "answer": "yes_no", "settings": settings}
    return [
        *("--task", "PSI", "--split", "test", "--settings", json.dumps(given)),
        *("--cache", str(folder / "cache"), "--output", str(folder / output)),
    ]


def test_the_script_makes_the_dataset_file_of_one_task_and_split(tmp_path: Path) -> None:
    path = write(tmp_path, lines(ROWS))
    done = script(tmp_path, {"source": "path", "path": str(path)})
    assert (done.returncode, done.stderr) == (0, "")
    records = read_records(tmp_path / "test.jsonl")
    assert {r.input for r in records} == {ROWS[2]["input"], ROWS[5]["input"]}
    assert {(r.task, r.split, r.setting) for r in records} == {("PSI", "test", IND)}


def test_a_failing_script_leaves_one_line_and_no_file(tmp_path: Path) -> None:
    path = write(tmp_path, lines(ROWS))
    done = script(tmp_path, {"source": "path", "path": str(path)}, settings=(IND, OOD))
    assert done.returncode == 1
    assert done.stderr == (
        f"error: PSI test: no rows of {OOD} under the names PSI, {', '.join(ALIASES)}: fix "
        "`tasks`, `settings` or the data\n"
    )
    assert not (tmp_path / "test.jsonl").exists()


def hub(folder: Path, rows: Sequence[Row], name: str = "train.jsonl") -> dict[str, Any]:
    """A local directory in hub layout."""
    (folder / "ECInstruct").mkdir()
    write(folder / "ECInstruct", lines(rows), name)
    return {"source": "hub", "id": str(folder / "ECInstruct"), "revision": "main"}


def test_the_hub_gives_the_records_that_a_local_file_gives(tmp_path: Path) -> None:
    example = '{"input": "a", "output": "yes"}'
    odd = row("PSI", "test", 3, input='caf\u00e9 &amp; \u2028 "x"', few_shot_example=example)
    odd["setting"] = ONE_SHOT
    rows = [*ROWS, odd, row("PSI", "test", 4, options="[]"), row("PSI", "test", 1, setting=OOD)]
    path = write(tmp_path, lines(sorted(rows, key=lambda row: row["task"])))
    local = script(tmp_path, {"source": "path", "path": str(path)}, "path.jsonl", ALL)
    assert (local.returncode, local.stderr) == (0, "")
    # As a user would, with all that the library prints and keeps by itself.
    remote = subprocess.run(
        [sys.executable, SCRIPT, *script_options(tmp_path, hub(tmp_path, rows), "hub.jsonl", ALL)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1"},
    )
    assert remote.returncode == 0, remote.stderr

    def by_id(records: list[Record]) -> dict[str, Record]:
        return {record.id: record for record in records}

    one, two = (read_records(tmp_path / name) for name in ("path.jsonl", "hub.jsonl"))
    assert len(one) == 5
    assert by_id(one) == by_id(two)


def test_a_hub_data_set_that_cannot_be_had_is_one_line(tmp_path: Path) -> None:
    source = {"source": "hub", "id": str(tmp_path / "none"), "revision": "main"}
    done = script(tmp_path, source)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"error: data: {tmp_path / 'none'} at main: cannot be loaded (")
    assert last.endswith("check the network, the id and the revision")


def test_parquet_files_of_the_hub_give_the_same_records(tmp_path: Path) -> None:
    (tmp_path / "ECInstruct/data").mkdir(parents=True)
    name = "data/train-00000-of-00001.parquet"
    write(tmp_path / "ECInstruct", parquet(tmp_path, ROWS), name)
    source = {"source": "hub", "id": str(tmp_path / "ECInstruct"), "revision": "main"}
    done = script(tmp_path, source)
    assert done.returncode == 0, done.stderr
    path = write(tmp_path, lines(ROWS))
    script(tmp_path, {"source": "path", "path": str(path)}, "path.jsonl")
    assert (tmp_path / "test.jsonl").read_bytes() == (tmp_path / "path.jsonl").read_bytes()


def test_a_file_that_is_not_in_hub_layout_is_never_left_out(tmp_path: Path) -> None:
    source = hub(tmp_path, ROWS)
    write(tmp_path / "ECInstruct", lines(ROWS), "records2.jsonl")
    done = script(tmp_path, source)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "records2.jsonl: not in hub layout, so it would be left out" in done.stderr


# Rows in the cache


def local(path: Path) -> dict[str, Any]:
    return {"source": "path", "path": str(path)}


def content_of(folder: Path, path: Path) -> str:
    """What the plan gives as `--content`, which makes the index."""
    rows = open_rows(PathData(source="path", path=str(path)), folder / "cache")
    return content_of_split(rows, {"PSI", *ALIASES}, "test")


def outputs(folder: Path, name: str = "test.jsonl") -> list[str]:
    return [record.input for record in read_records(folder / name)]


EDITED = [*ROWS, row("PSI", "test", 9)]


def test_the_source_is_not_read_again_where_the_cache_has_the_rows(tmp_path: Path) -> None:
    path = write(tmp_path, lines(ROWS))
    content = content_of(tmp_path, path)
    write(tmp_path, lines(EDITED))
    assert script(tmp_path, local(path), content=content).returncode == 0
    assert outputs(tmp_path) == [ROWS[2]["input"], ROWS[5]["input"]]
    # By hand, what is there now is taken.
    assert script(tmp_path, local(path)).returncode == 0
    assert len(outputs(tmp_path)) == 3


def refused(folder: Path, source: dict[str, Any], content: str, **more: Any) -> None:
    """The script writes nothing and says why in one line."""
    done = script(folder, source, content=content, **more)
    assert done.stderr == (
        "error: --content: the data changed since the run was planned, or while they were read: "
        "run again\n"
    )
    assert done.returncode == 1
    assert not list(folder.glob("test.*"))


def test_rows_that_were_edited_since_the_plan_are_refused_where_the_cache_has_no_others(
    tmp_path: Path,
) -> None:
    path = write(tmp_path, lines(ROWS))
    content = content_of(tmp_path, path)
    shutil.rmtree(tmp_path / "cache")
    write(tmp_path, lines(EDITED))
    refused(tmp_path, local(path), content)
    # An edit of another task's rows does not concern the file.
    write(tmp_path, lines([{**ROWS[0], "output": "yes"}, *ROWS[1:]]))
    assert script(tmp_path, local(path), content=content).returncode == 0


def test_edited_files_of_a_local_directory_in_hub_layout_are_refused(tmp_path: Path) -> None:
    source = hub(tmp_path, ROWS)
    content = content_parameter(source_digests(HubData.model_validate(source)), None)
    write(tmp_path / "ECInstruct", lines(EDITED), "train.jsonl")
    refused(tmp_path, source, content)
    write(tmp_path / "ECInstruct", lines(ROWS), "train.jsonl")
    assert script(tmp_path, source, content=content).returncode == 0


def test_labels_that_were_edited_since_the_plan_are_refused(tmp_path: Path) -> None:
    text = json.dumps({"query": "lamp", "product list": ["A: x", "B: y"]})
    rows = [row("QPR", "test", 1, input=text, output="A,B")]
    labels = write(tmp_path, '[["E", "S"]]', "label.json")
    source = {"source": "path", "path": str(write(tmp_path, lines(rows)))}
    source["labels"] = {"path": str(labels)}
    opened = open_rows(PathData.model_validate(source), tmp_path / "cache")
    content = content_of_split(opened, {"QPR"}, "test")
    settings = {"source": source, "aliases": [], "answer": "ranking", "settings": [IND]}
    options = ["--task", "QPR", "--split", "test", "--cache", "cache", "--content", content]
    options += ["--settings", json.dumps(settings), "--output", "test.jsonl"]

    def run() -> int:
        return run_script("dataset.py", *options, folder=tmp_path).returncode

    labels.write_text('[["E", "C"]]')
    assert run() == 1
    assert not list(tmp_path.glob("test.*"))
    labels.write_text('[\n  ["E",\n  "S"]\n]')
    assert run() == 0


@pytest.mark.parametrize("damaged", ["index.json", "001.jsonl", "002.jsonl"])
def test_what_the_cache_has_is_verified(damaged: str, tmp_path: Path) -> None:
    path = write(tmp_path, lines(ROWS))
    content = content_of(tmp_path, path)
    (file,) = (tmp_path / "cache").glob(f"*/{damaged}")
    text = file.read_text().replace('"no"', '"yes"').replace('"sha256": "', '"sha256": "0')
    file.write_text(text)
    own = {"index.json", "002.jsonl"}
    done = script(tmp_path, local(path), content=content)
    assert done.returncode == int(damaged in own)
    if damaged in own:
        assert done.stderr.count("\n") == 1
        assert f"delete the directory {file.parent} to rebuild it" in done.stderr


def test_problems_that_were_fixed_are_not_taken_from_the_cache(tmp_path: Path) -> None:
    path = write(tmp_path, lines(ROWS) + "no JSON\n")
    content = content_of(tmp_path, path)
    assert script(tmp_path, local(path), content=content).returncode == 1
    write(tmp_path, lines(ROWS))
    assert script(tmp_path, local(path), content=content).returncode == 0


def test_the_same_rows_of_another_file_are_not_taken(tmp_path: Path) -> None:
    path = write(tmp_path, lines(ROWS))
    content = content_of(tmp_path, path)
    other = write(tmp_path, lines(ROWS) + "no JSON\n", "other.jsonl")
    done = script(tmp_path, local(other), content=content)
    assert "error: other.jsonl: line 7: " in done.stderr


def test_the_check_of_a_source_takes_its_rows_from_the_cache_too(tmp_path: Path) -> None:
    path = write(tmp_path, lines(ROWS))
    rows = open_rows(PathData(source="path", path=str(path)), tmp_path / "cache")
    content = content_of_all(rows)
    write(tmp_path, lines(EDITED))
    task = {"aliases": ["Product_Matching", *ALIASES], "answer": "yes_no", "splits": {}}
    given = {"tasks": {"PSI": task}, "settings": [IND], "published": [], "comparable": False}
    source = local(path) | {"tolerate": ["duplicate_record"]}
    settings = json.dumps({"source": source, **given})
    options = ["--settings", settings, "--cache", "cache", "--output", "check.json", "--content"]
    run_script("check_data.py", *options, content, folder=tmp_path).check_returncode()
    (splits,) = read_json(tmp_path / "check.json")["tasks"].values()
    assert sum(one["rows"] for split in splits.values() for one in split.values()) == 6
    (tmp_path / "check.json").unlink()
    done = run_script("check_data.py", *options, "source:0", folder=tmp_path)
    assert (done.returncode, (tmp_path / "check.json").exists()) == (1, False)
