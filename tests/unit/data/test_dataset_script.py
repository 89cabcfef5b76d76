"""The scripts that build a dataset file and check a source: alone, and as jobs of a run."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support.raw_rows import IND, ROWS, lines, row, write
from support.scripts import run_script

from ecslm.common.files import read_json
from ecslm.data.settings import PathData
from ecslm.data.source import content_of, open_rows
from ecslm.schemas.record import read_records

ALIASES = ["Product_Substitute_Identification", "Product_Substitue_Identification"]
EDITED = [*ROWS, row("PSI", "test", 9)]


def local(path: Path) -> dict[str, Any]:
    return {"source": "path", "path": str(path)}


def script(path: Path, content: str | None = None) -> subprocess.CompletedProcess[str]:
    """Build the test file of PSI in the working folder."""
    given = {"source": local(path), "aliases": ALIASES, "answer": "yes_no", "settings": [IND]}
    options = ["--task", "PSI", "--split", "test", "--settings", json.dumps(given)]
    options += ["--cache", "cache", "--output", "test.jsonl"]
    options += [] if content is None else ["--content", content]
    return run_script("dataset.py", *options)


@pytest.fixture(autouse=True)
def path(empty_folder: Path) -> Path:
    """A file of rows, in an empty working folder."""
    return write(empty_folder, lines(ROWS))


def content(path: Path) -> str:
    """What the plan gives as `--content`, which makes the index."""
    source = PathData(source="path", path=str(path))
    rows = open_rows(source, Path("cache"))
    return content_of(source, lambda: rows.content({"PSI", *ALIASES}, "test"))


def assert_refused(done: subprocess.CompletedProcess[str], words: str) -> None:
    """The script writes nothing and says why in one line."""
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert words in done.stderr
    assert not list(Path().glob("test.*"))


CHANGED = "error: --content: the data changed since the run was planned: run again"


def test_rows_that_were_edited_since_the_plan_are_refused(path: Path) -> None:
    planned = content(path)
    write(path.parent, lines(EDITED))
    assert_refused(script(path, planned), CHANGED)
    # By hand, what is there now is taken.
    assert script(path).returncode == 0
    assert len(list(read_records(Path("test.jsonl")))) == 3
    # An edit of another task's rows does not concern the file.
    write(path.parent, lines([{**ROWS[0], "output": "yes"}, *ROWS[1:]]))
    assert script(path, planned).returncode == 0


def test_the_check_of_a_source_says_what_is_dropped_and_refuses_other_rows_too(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = PathData(source="path", path=str(path))
    planned = content_of(source, lambda: open_rows(source, Path("cache")).files)
    given = {"tasks": {}, "settings": [IND], "published": [], "comparable": False}
    settings = json.dumps({"source": local(path) | {"tolerate": ["unknown_task"]}, **given})
    options = ["--settings", settings, "--cache", "cache", "--output", "test.json", "--content"]
    run_script("check_data.py", *options, planned).check_returncode()
    assert f"dropped: {len(ROWS)} rows (unknown_task), such as rows.jsonl: line " in caplog.text
    assert read_json(Path("test.json"))["dropped"] == len(ROWS)
    for made in Path().glob("test.*"):
        made.unlink()
    assert_refused(run_script("check_data.py", *options, "source:0"), CHANGED)
