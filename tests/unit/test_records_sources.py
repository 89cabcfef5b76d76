"""Sources of raw rows: the index of a local file, the hub on a local folder, the script."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ecslm.files import InputError
from ecslm.records.index import Index, indexed_rows, read_index
from ecslm.records.record import Record, read_records
from ecslm.records.settings import HubData, PathData
from ecslm.records.sources import path as path_source

SCRIPT = Path(__file__).resolve().parents[2] / "scripts/dataset.py"
IND = "IND_Diverse_Instruction"
OOD = "OOD_Diverse_Instruction"

Row = dict[str, Any]


def row(task: str, split: str, number: int = 0, **changes: Any) -> Row:
    """A raw row of the release."""
    return {
        "split": split,
        "task": task,
        "setting": IND,
        "instruction": "Are they the same product?",
        "input": f'{{"product 1": {{"price": "{number}"}}, "product 2": {{"price": NaN}}}}',
        "options": None,
        "output": "no",
        "few_shot_example": None,
    } | changes


ROWS = [
    row("Product_Matching", "train", 1),
    row("Product_Matching", "test", 1),
    row("Product_Substitute_Identification", "test", 1),
    row("Product_Matching", "test", 2, options="None"),
    row("Product_Substitute_Identification", "train", 1),
    row("Product_Substitue_Identification", "test", 2),
]


def lines(rows: Sequence[Row]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def write(folder: Path, content: str | bytes, name: str = "rows.jsonl") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def index_of(folder: Path, content: str | bytes) -> Index:
    return read_index(write(folder, content), folder / "cache")


def rows_of(index: Index) -> list[tuple[str, str, list[Row]]]:
    return [(part.task, part.split, list(indexed_rows(index, part))) for part in index.parts]


def problems(folder: Path, content: str | bytes) -> list[str]:
    """What is wrong, without the file's name, which every line must begin with."""
    path = folder / "rows.jsonl"
    with pytest.raises(InputError) as caught:
        index_of(folder, content)
    assert all(problem.startswith(f"{path}: ") for problem in caught.value.problems)
    assert not list((folder / "cache").rglob("*.json*")), "nothing is kept of a broken file"
    return [problem.removeprefix(f"{path}: ") for problem in caught.value.problems]


def digests(index: Index) -> dict[tuple[str, str], str]:
    return {(part.task, part.split): part.sha256 for part in index.parts}


def test_a_file_is_split_by_task_and_split_in_file_order(tmp_path: Path) -> None:
    index = index_of(tmp_path, lines(ROWS))
    assert rows_of(index) == [
        ("Product_Matching", "test", [ROWS[1], ROWS[3]]),
        ("Product_Matching", "train", [ROWS[0]]),
        ("Product_Substitue_Identification", "test", [ROWS[5]]),
        ("Product_Substitute_Identification", "test", [ROWS[2]]),
        ("Product_Substitute_Identification", "train", [ROWS[4]]),
    ]
    assert (index.parts[0].rows, index.parts[0].settings) == (2, {IND: 2})


@pytest.mark.parametrize(
    ("number", "part"),
    [
        (0, ("Product_Matching", "train")),
        (3, ("Product_Matching", "test")),
        (5, ("Product_Substitue_Identification", "test")),
    ],
)
def test_an_edited_row_changes_the_digest_of_its_own_part_alone(
    number: int, part: tuple[str, str], tmp_path: Path
) -> None:
    before = digests(index_of(tmp_path, lines(ROWS)))
    edited = list(ROWS)
    edited[number] = {**ROWS[number], "output": "yes"}
    after = digests(index_of(tmp_path, lines(edited)))
    assert {key for key in before if before[key] != after[key]} == {part}
    assert before.keys() == after.keys()


def test_the_layout_of_a_file_does_not_change_the_digests(tmp_path: Path) -> None:
    plain = digests(index_of(tmp_path, lines(ROWS)))
    for content in (
        json.dumps(ROWS),
        json.dumps(ROWS, indent=2, ensure_ascii=False),
        lines(ROWS).replace("\n", "\n\n"),
        lines(ROWS).replace("\n", "\r\n"),
        "\ufeff" + lines(ROWS),
        "\ufeff" + json.dumps(ROWS),
        lines(sorted(ROWS, key=lambda row: row["task"])),
        lines(ROWS).removesuffix("\n"),
    ):
        assert digests(index_of(tmp_path, content)) == plain


def test_a_row_is_read_back_as_it_is_in_the_file(tmp_path: Path) -> None:
    odd = row("A", "test", input='a\u2028b\x85c\r\nd\u00e9 &amp; \\ "', options="['A: x']")
    ((_, _, rows),) = rows_of(index_of(tmp_path, lines([odd])))
    assert rows == [odd]


def test_a_bare_nan_becomes_null(tmp_path: Path) -> None:
    text = lines([row("A", "test")]).replace('"options": null', '"options": NaN')
    assert '"options": NaN' in text
    ((_, _, rows),) = rows_of(index_of(tmp_path, text))
    assert rows[0]["options"] is None
    assert "NaN" in rows[0]["input"], "text is left alone"


def test_an_index_is_made_once_for_a_files_content(tmp_path: Path) -> None:
    first = index_of(tmp_path, lines(ROWS))
    part = Path(first.folder) / first.parts[0].file
    part.write_text(lines(ROWS[:1]))
    again = index_of(tmp_path, lines(ROWS))
    assert (again, list(indexed_rows(again, again.parts[0]))) == (first, ROWS[:1])
    other = index_of(tmp_path, lines(ROWS[:2]))
    assert other.folder != first.folder


def test_a_damaged_index_says_how_to_mend_it(tmp_path: Path) -> None:
    index = index_of(tmp_path, lines(ROWS))
    (Path(index.folder) / "index.json").write_text('{"folder": "x"}')
    with pytest.raises(InputError, match="parts: field required: delete the folder"):
        index_of(tmp_path, lines(ROWS))


def test_a_missing_source_is_one_line(tmp_path: Path) -> None:
    for path, words in ((tmp_path / "none", "no such file"), (tmp_path, "is a folder, a file is")):
        with pytest.raises(InputError, match=f"^{path}: {words}"):
            read_index(path, tmp_path / "cache")


def test_a_truncated_file_is_called_truncated(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, lines(ROWS)[:-20])
    assert problem.startswith("line 6: not JSON (")
    assert problem.endswith(": the file is truncated")


def test_a_truncated_list_is_called_truncated(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, json.dumps(ROWS)[:-20])
    assert problem.startswith("not JSON (")
    assert problem.endswith("is the file truncated?")


def test_every_broken_line_is_named(tmp_path: Path) -> None:
    content = lines(ROWS[:1]) + "{'task': 1}\n" + lines(ROWS[1:2]) + "[1]\n3\n"
    first, second, third = problems(tmp_path, content)
    assert first.startswith("line 2: not JSON (")
    assert not first.endswith("truncated")
    assert (second, third) == ("line 4: not an object", "line 5: not an object")


@pytest.mark.parametrize("field", ["split", "task", "setting", "instruction", "input", "output"])
def test_a_row_without_a_field_or_without_text_in_it_is_named(field: str, tmp_path: Path) -> None:
    missing = {name: value for name, value in ROWS[1].items() if name != field}
    content = lines([ROWS[0], missing, {**ROWS[1], field: None}, {**ROWS[1], field: {"a": 1}}])
    assert problems(tmp_path, content) == [f"line {n}: no text in {field}" for n in (2, 3, 4)]


def test_rows_of_a_list_are_named_by_their_number(tmp_path: Path) -> None:
    content = json.dumps([ROWS[0], {**ROWS[1], "output": None, "input": 3}, "word"], indent=1)
    assert problems(tmp_path, content) == [
        "row 2: no text in input, output",
        "row 3: not an object",
    ]


def test_what_json_cannot_hold_is_a_problem_of_its_row(tmp_path: Path) -> None:
    nested = lines([{**ROWS[0], "options": [1.5]}]).replace("1.5", "NaN")
    surrogate = lines([{**ROWS[0], "input": "X"}]).replace("X", "\\ud800")
    first, second = problems(tmp_path, nested + surrogate)
    assert first.startswith("line 1: cannot be kept as JSON (")
    assert second.startswith("line 2: cannot be kept as JSON (")


def test_a_flood_of_problems_is_cut(tmp_path: Path) -> None:
    found = problems(tmp_path, "no\n" * 30)
    assert len(found) == 21
    assert found[-1] == "and 10 more"


@pytest.mark.parametrize("content", ["", "\n\n", "[]"])
def test_a_file_without_rows_is_an_error(content: str, tmp_path: Path) -> None:
    assert problems(tmp_path, content) == ["holds no rows"]


def test_a_file_that_is_not_utf_8_is_one_line(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, lines(ROWS).encode() + b'{"a": "\xe9"}\n')
    assert problem.startswith("not UTF-8 text (")


def test_a_task_is_found_under_all_its_names_the_misspelt_ones_too(tmp_path: Path) -> None:
    source = PathData(source="path", path=str(write(tmp_path, lines(ROWS))))
    names = frozenset(
        ["PSI", "Product_Substitute_Identification", "Product_Substitue_Identification"]
    )
    rows = list(path_source.raw_rows(source, "PSI", names, "test", tmp_path / "cache"))
    assert sorted(row["input"] for row in rows) == [ROWS[2]["input"], ROWS[5]["input"]]
    assert path_source.labels(source) is None


# The script, on both sources

ALIASES = ["Product_Substitute_Identification", "Product_Substitue_Identification"]


def script(
    folder: Path,
    source: dict[str, Any],
    output: str = "test.jsonl",
    settings: Sequence[str] = (IND,),
) -> subprocess.CompletedProcess[str]:
    given = {"source": source, "aliases": ALIASES, "answer": "yes_no", "settings": settings}
    command = [sys.executable, str(SCRIPT), "--task", "PSI", "--split", "test"]
    command += ["--cache", str(folder / "cache"), "--output", str(folder / output)]
    environment = os.environ | {"HF_HOME": str(folder / "hf"), "HF_HUB_OFFLINE": "1"}
    return subprocess.run(
        [*command, "--settings", json.dumps(given)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=folder,
    )


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
        f"error: PSI test: no rows of {OOD} under the names PSI, {', '.join(ALIASES)}: mend "
        "`tasks`, `settings` or the data\n"
    )
    assert not (tmp_path / "test.jsonl").exists()


def hub(folder: Path, rows: Sequence[Row], name: str = "train.jsonl") -> dict[str, Any]:
    """A local folder in hub layout."""
    (folder / "ECInstruct").mkdir()
    write(folder / "ECInstruct", lines(rows), name)
    return {"source": "hub", "id": str(folder / "ECInstruct"), "revision": "main"}


def test_the_hub_gives_the_records_that_a_local_file_gives(tmp_path: Path) -> None:
    example = '{"input": "a", "output": "yes"}'
    odd = row("PSI", "test", 3, input='caf\u00e9 &amp; \u2028 "x"', few_shot_example=example)
    rows = [*ROWS, odd, row("PSI", "test", 4, options="[]"), row("PSI", "test", 1, setting=OOD)]
    path = write(tmp_path, lines(sorted(rows, key=lambda row: row["task"])))
    local = script(tmp_path, {"source": "path", "path": str(path)}, "path.jsonl", (IND, OOD))
    remote = script(tmp_path, hub(tmp_path, rows), "hub.jsonl", (IND, OOD))
    assert (local.returncode, local.stderr) == (0, "")
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


def hub_problems(folder: Path, rows: Sequence[Row], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is wrong with a data set of these rows, without its id."""
    import datasets

    from ecslm.records.sources.hub import raw_rows

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", folder / "hf")
    source = HubData.model_validate(hub(folder, rows))
    with pytest.raises(InputError) as caught:
        list(raw_rows(source, "PSI", frozenset(["PSI", *ALIASES]), "test", folder / "cache"))
    return [problem.removeprefix(f"data: {source.id}: ") for problem in caught.value.problems]


def test_hub_rows_without_text_are_named_by_their_number_and_others_do_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [*ROWS, row("PSI", "test", input=None), row("PM", "test", input=None)]
    found = hub_problems(tmp_path, [*rows, row("PSI", "test", output=None)], monkeypatch)
    assert found == ["row 7: no text in input", "row 9: no text in output"]


def test_a_hub_data_set_without_a_column_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{key: row[key] for key in row if key not in ("setting", "input")} for row in ROWS]
    assert hub_problems(tmp_path, rows, monkeypatch) == ["no column setting, input"]
