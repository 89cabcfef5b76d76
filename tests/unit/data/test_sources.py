"""Sources of raw rows: the index of a local file, the hub on a local folder, the script."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from support.project import ROOT

from ecslm.common.errors import InputError
from ecslm.data.settings import PathData
from ecslm.data.sources import path as path_source
from ecslm.data.sources import reading
from ecslm.data.sources.index import Index
from ecslm.data.sources.path import local_index
from ecslm.data.sources.protocol import rows_of
from ecslm.schemas.record import Record, read_records

SCRIPT = ROOT / "scripts/dataset.py"
IND = "IND_Diverse_Instruction"
OOD = "OOD_Diverse_Instruction"
ONE_SHOT = "IND_Diverse_Instruction_1-shot"
ALL = (IND, OOD, ONE_SHOT)

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


def index_of(folder: Path, content: str | bytes, name: str = "rows.jsonl") -> Index:
    return local_index(write(folder, content, name), folder / "cache")


def rows_of_index(index: Index) -> list[tuple[str, str, list[Row]]]:
    return [(part.task, part.split, [row for _, row in index.rows([part])]) for part in index.parts]


def places(index: Index) -> list[str]:
    return [place for place, _ in index.rows(index.parts)]


def problems(folder: Path, content: str | bytes) -> list[str]:
    """Rows that belong nowhere, without the file's name, which every line must begin with."""
    found = [line for kind in index_of(folder, content).problems.values() for line in kind.first]
    assert all(problem.startswith("rows.jsonl: ") for problem in found)
    return [problem.removeprefix("rows.jsonl: ") for problem in found]


def refusal(folder: Path, content: str | bytes) -> str:
    """Why the file as a whole cannot be read, without its name."""
    with pytest.raises(InputError) as caught:
        index_of(folder, content)
    (problem,) = caught.value.problems
    assert problem.startswith("rows.jsonl: ")
    assert not list((folder / "cache").rglob("*.json*")), "nothing is kept of a broken file"
    return problem.removeprefix("rows.jsonl: ")


def digests(index: Index) -> dict[tuple[str, str], str]:
    return {(part.task, part.split): part.sha256 for part in index.parts}


def test_a_file_is_split_by_task_and_split_in_file_order(tmp_path: Path) -> None:
    index = index_of(tmp_path, lines(ROWS))
    assert rows_of_index(index) == [
        ("Product_Matching", "test", [ROWS[1], ROWS[3]]),
        ("Product_Matching", "train", [ROWS[0]]),
        ("Product_Substitue_Identification", "test", [ROWS[5]]),
        ("Product_Substitute_Identification", "test", [ROWS[2]]),
        ("Product_Substitute_Identification", "train", [ROWS[4]]),
    ]
    assert index.parts[0].rows == 2
    assert places(index) == [f"rows.jsonl: line {number}" for number in range(1, 7)]


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
        " \n" + json.dumps(ROWS, indent=1).replace("\n", "\r\n") + "\n ",
        lines(sorted(ROWS, key=lambda row: row["task"])),
        lines(ROWS).removesuffix("\n"),
        parquet(tmp_path, ROWS),
    ):
        assert digests(index_of(tmp_path, content)) == plain


def parquet(folder: Path, rows: Sequence[Row]) -> bytes:
    """The bytes of a Parquet file of the rows."""
    import pyarrow
    from pyarrow import parquet as format_

    path = folder / "made.parquet"
    format_.write_table(pyarrow.Table.from_pylist(list(rows)), path)
    content = path.read_bytes()
    path.unlink()
    return content


def test_a_damaged_parquet_file_is_one_line(tmp_path: Path) -> None:
    content = parquet(tmp_path, ROWS)
    assert refusal(tmp_path, content[:-9]).startswith("after row 0: not Parquet (")


@pytest.mark.parametrize("size", [1, 7, 64])
def test_a_list_is_read_in_pieces_of_any_size(
    size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = digests(index_of(tmp_path, lines(ROWS)))
    odd = row("Odd", "test", input='\u2028 "[{,]}" \\ \U0001f600', options=["A: x"], output=-1.5e-7)
    monkeypatch.setattr(reading, "CHUNK", size)
    for indent in (None, 3):
        text = json.dumps([*ROWS, odd], indent=indent)
        index = index_of(tmp_path, text)
        assert digests(index).items() >= plain.items()
        assert ("Odd", "test", [odd]) in rows_of_index(index)


def test_a_row_is_read_back_as_it_is_in_the_file(tmp_path: Path) -> None:
    odd = row("A", "test", input='a\u2028b\x85c\r\nd\u00e9 &amp; \\ "', options="['A: x']")
    ((_, _, rows),) = rows_of_index(index_of(tmp_path, lines([odd])))
    assert rows == [odd]


def test_a_bare_nan_is_read_back_as_one(tmp_path: Path) -> None:
    text = lines([row("A", "test")]).replace('"options": null', '"options": NaN')
    assert '"options": NaN' in text
    ((_, _, rows),) = rows_of_index(index_of(tmp_path, text))
    assert math.isnan(rows[0]["options"])
    assert "NaN" in rows[0]["input"], "text is left alone"


def test_an_index_is_made_once_for_a_files_content(tmp_path: Path) -> None:
    first = index_of(tmp_path, lines(ROWS))
    part = first.folder / first.parts[0].file
    before = part.stat().st_mtime_ns
    assert index_of(tmp_path, lines(ROWS)) == first
    assert part.stat().st_mtime_ns == before


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def extended(path: Path) -> None:
    path.write_bytes(path.read_bytes() * 2)


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        *(("000.jsonl", damage) for damage in (cut, emptied, extended, Path.unlink)),
        *(("000.places", damage) for damage in (emptied, extended, Path.unlink)),
    ],
)
def test_a_damaged_part_says_how_to_mend_it(
    file: str, damage: Callable[[Path], None], tmp_path: Path
) -> None:
    index = index_of(tmp_path, lines(ROWS))
    damage(index.folder / file)
    with pytest.raises(InputError, match=f"delete the folder {index.folder} to index anew$"):
        list(index.rows(index.parts))


def test_an_index_may_be_read_from_another_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write(tmp_path, lines(ROWS))
    monkeypatch.chdir(tmp_path)
    made = local_index(source, Path("cache"))
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    again = local_index(source, Path("../cache"))
    assert list(again.rows(again.parts)) == [
        (f"rows.jsonl: line {number}", row) for number, row in enumerate(ROWS, start=1)
    ]
    assert again.parts == made.parts


def test_the_index_of_what_a_file_held_before_is_removed(tmp_path: Path) -> None:
    first = index_of(tmp_path, lines(ROWS))
    (tmp_path / "other").mkdir()
    beside = index_of(tmp_path, lines(ROWS), "other/rows.jsonl")
    (tmp_path / "cache/broken").mkdir()
    (tmp_path / "cache/broken/index.json").write_text("[]")
    second = index_of(tmp_path, lines(ROWS[:2]))
    folders = {tmp_path / "cache/broken", beside.folder, second.folder}
    assert {path for path in (tmp_path / "cache").iterdir() if path.is_dir()} == folders
    assert first.folder != second.folder


def test_a_damaged_index_says_how_to_mend_it(tmp_path: Path) -> None:
    index = index_of(tmp_path, lines(ROWS))
    (Path(index.folder) / "index.json").write_text('{"folder": "x"}')
    with pytest.raises(InputError, match="origin: field required: delete the folder"):
        index_of(tmp_path, lines(ROWS))


def test_a_missing_source_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no rows")
    (tmp_path / "dataset_infos.json").write_text("{}")
    words = "is a folder without .json, .jsonl, .parquet files"
    for path, problem in ((tmp_path / "none", "no such file"), (tmp_path, words)):
        with pytest.raises(InputError, match=f"^{path}: {problem}"):
            local_index(path, tmp_path / "cache")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("b.jsonl", "", "shop/b.jsonl: holds no rows"),
        ("b.json", "[]", "shop/b.json: holds no rows"),
        ("b.csv", "task,split", r"shop/b.csv: is none of \.json, \.jsonl, \.parquet"),
        ("b.jsonl.gz", "", r"shop/b.jsonl.gz: is none of \.json, \.jsonl, \.parquet"),
    ],
)
def test_no_file_of_a_folder_is_left_out_or_empty(
    name: str, content: str, words: str, tmp_path: Path
) -> None:
    (tmp_path / "shop").mkdir()
    write(tmp_path, lines(ROWS), "shop/a.jsonl")
    write(tmp_path, content, f"shop/{name}")
    with pytest.raises(InputError, match=words):
        local_index(tmp_path / "shop", tmp_path / "cache")


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl.gz", "rows"])
def test_a_file_of_another_form_is_one_line(name: str, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"is none of \.json, \.jsonl, \.parquet: save it as one of"
    ):
        index_of(tmp_path, lines(ROWS), name)


@pytest.mark.parametrize("name", ["Split", "split ", "settings", "few_shot_examples"])
def test_a_column_that_is_almost_one_of_the_release_is_never_left_unread(
    name: str, tmp_path: Path
) -> None:
    rows = [*ROWS, {**ROWS[0], name: "train"}]
    assert refusal(tmp_path, lines(rows)).startswith(
        f"line 7: the column {name!r} is not known: did"
    )
    words = f"the column {name!r} is not known: did you mean"
    assert refusal(tmp_path, parquet(tmp_path, rows[::-1])).startswith(words)


def test_other_columns_are_the_users_own_affair(tmp_path: Path) -> None:
    index = index_of(tmp_path, lines([{**row, "shelf": 3} for row in ROWS]))
    assert len(list(index.rows(index.parts))) == len(ROWS)


def test_a_folder_gives_the_rows_of_all_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    (folder / "data").mkdir(parents=True)
    (folder / ".git").mkdir()
    write(folder, lines(ROWS[:2]), "data/a.jsonl")
    write(folder, parquet(tmp_path, ROWS[2:4]), "data/b.parquet")
    write(folder, json.dumps(ROWS[4:]), "c.json")
    write(folder, "{", ".git/state.json")
    index = local_index(folder, tmp_path / "cache")
    assert digests(index) == digests(index_of(tmp_path, lines(ROWS)))
    assert places(index) == [
        *(f"shop/c.json: row {n}" for n in (1, 2)),
        *(f"shop/data/a.jsonl: line {n}" for n in (1, 2)),
        *(f"shop/data/b.parquet: row {n}" for n in (1, 2)),
    ]


def test_a_truncated_file_is_called_truncated(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, lines(ROWS)[:-20])
    assert problem.startswith("line 6: not JSON (")
    assert problem.endswith(": is the file truncated?")


@pytest.mark.parametrize("cut", [1, 2, 20, 400])
def test_a_truncated_list_is_never_taken_for_a_whole_one(cut: int, tmp_path: Path) -> None:
    assert refusal(tmp_path, json.dumps(ROWS)[:-cut]).endswith("is the file truncated?")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[{} {}]", "row 2: not JSON (a comma is missing before it)"),
        ("[1 2]", "row 2: not JSON (a comma is missing before it)"),
        ("[{},]", "row 2: not JSON (Expecting value"),
        ("[,{}]", "row 1: not JSON (Expecting value"),
        ('[{"a": 1}, {"a": tru}, {}]' + " " * 99, "row 2: not JSON (Expecting value"),
        ("[{}] {}", "more text after the end of the list"),
        ("[" * 100_000, "row 1: nested too deeply"),
    ],
)
def test_a_broken_list_is_one_line(content: str, words: str, tmp_path: Path) -> None:
    assert refusal(tmp_path, content).startswith(words)


def test_every_broken_line_is_named(tmp_path: Path) -> None:
    content = lines(ROWS[:1]) + "{'task': 1}\n" + lines(ROWS[1:2]) + "[1]\n3\n"
    first, second, third = problems(tmp_path, content)
    assert first.startswith("line 2: not JSON (")
    assert not first.endswith("truncated?")
    assert (second, third) == ("line 4: not an object", "line 5: not an object")


@pytest.mark.parametrize("field", ["split", "task"])
def test_a_row_without_task_or_split_belongs_nowhere(field: str, tmp_path: Path) -> None:
    content = lines([ROWS[0], {**ROWS[1], field: None}, {**ROWS[1], field: {"a": 1}}])
    assert problems(tmp_path, content) == [f"line {n}: no text in {field}" for n in (2, 3)]


def test_own_rows_may_lack_the_columns_split_and_setting(tmp_path: Path) -> None:
    bare = {key: value for key, value in ROWS[1].items() if key not in ("split", "setting")}
    assert rows_of_index(index_of(tmp_path, lines([bare, bare]))) == [
        ("Product_Matching", "test", [ROWS[1]] * 2)
    ]


def test_a_row_that_has_lost_its_split_is_never_taken_for_a_test_row(tmp_path: Path) -> None:
    bare = {key: value for key, value in ROWS[0].items() if key != "split"}
    assert problems(tmp_path, lines([ROWS[0], bare])) == ["line 2: no text in split"]


def test_a_column_that_only_later_rows_have_is_refused(tmp_path: Path) -> None:
    bare = {key: value for key, value in ROWS[0].items() if key != "split"}
    words = "line 2: has split, which earlier rows lack: give it to all rows or to none"
    assert refusal(tmp_path, lines([bare, ROWS[0]])) == words


def test_a_key_that_stands_twice_is_a_problem_of_its_row(tmp_path: Path) -> None:
    twice = lines(ROWS[:1]).replace('"output": "no"', '"output": "no", "output": "yes"')
    assert problems(tmp_path, lines(ROWS[1:2]) + twice) == [
        "line 2: not JSON (a key stands twice in an object)"
    ]
    (tmp_path / "listed").mkdir()
    assert (
        refusal(tmp_path / "listed", f"[{twice}]")
        == "row 1: not JSON (a key stands twice in an object)"
    )


@pytest.mark.parametrize("depth", [2, 900, 988, 995, 5000])
def test_nested_values_are_a_problem_of_their_row_however_deep(depth: int, tmp_path: Path) -> None:
    deep = lines([{**ROWS[0], "options": "X"}]).replace('"X"', "[" * depth + "]" * depth)
    index = index_of(tmp_path, deep + lines(ROWS[1:]))
    assert [found.count for found in index.problems.values()] == [1]
    assert len(list(index.rows(index.parts))) == len(ROWS) - 1


def test_other_columns_of_parquet_files_may_hold_anything(tmp_path: Path) -> None:
    more = [datetime(1, 1, 1), Decimal("1.5"), b"\xff", time(1), None, {"a": [1]}]
    odd = [{**row, **{f"more {n}": value for n, value in enumerate(more)}} for row in ROWS]
    assert digests(index_of(tmp_path, parquet(tmp_path, odd))) == digests(
        index_of(tmp_path, lines(ROWS))
    )


def test_a_column_of_another_type_is_a_problem_of_its_rows(tmp_path: Path) -> None:
    content = parquet(tmp_path, [{**row, "input": b"\xff"} for row in ROWS])
    (first, *rest) = problems(tmp_path, content)
    assert first.startswith("row 1: cannot be kept: ")
    assert len(rest) == 4


def test_a_parquet_column_that_stands_twice_is_refused(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet as format_

    table = pyarrow.Table.from_pylist(ROWS)
    format_.write_table(table.append_column("output", table["output"]), tmp_path / "rows.jsonl")
    content = (tmp_path / "rows.jsonl").read_bytes()
    assert refusal(tmp_path, content) == "has the column output twice"


def test_rows_of_a_list_are_named_by_their_number(tmp_path: Path) -> None:
    content = json.dumps([ROWS[0], {**ROWS[1], "task": None}, "word"], indent=1)
    assert problems(tmp_path, content) == ["row 3: not an object", "row 2: no text in task"]


def test_half_a_character_in_a_task_is_a_problem_of_its_row(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, lines([{**ROWS[0], "task": "X"}]).replace("X", "\\ud800"))
    assert problem == "line 1: task and split: ('\\ud800', 'train') cannot be UTF-8"


def test_a_flood_of_problems_is_counted_and_the_first_are_kept(tmp_path: Path) -> None:
    found = index_of(tmp_path, "no\n" * 30).problems["unreadable_row"]
    assert (found.count, len(found.first)) == (30, 5)


def test_columns_that_are_no_tasks_are_refused(tmp_path: Path) -> None:
    content = lines([row(f"task {number}", "test") for number in range(1001)])
    words = "line 1001: more than 1000 different pairs of task and split"
    assert refusal(tmp_path, content).startswith(words)


@pytest.mark.parametrize("content", ["", "\n\n", "[]", "\ufeff", " [ ] "])
def test_a_file_without_rows_is_an_error(content: str, tmp_path: Path) -> None:
    assert refusal(tmp_path, content) == "holds no rows"


def test_a_line_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, lines(ROWS).encode() + b'{"a": "\xe9"}\n')
    assert problem.startswith("line 7: not UTF-8 text (")


def test_other_encodings_are_one_line(tmp_path: Path) -> None:
    listed = b"[" + lines(ROWS[:1]).encode() + b', {"a": "\xe9"}]'
    assert refusal(tmp_path, listed).startswith("not UTF-8 text (")
    assert refusal(tmp_path, lines(ROWS).encode("utf-16")) == "is UTF-16 text: save it as UTF-8"


def test_a_task_is_found_under_all_its_names_the_misspelt_ones_too(tmp_path: Path) -> None:
    source = PathData(source="path", path=str(write(tmp_path, lines(ROWS))))
    names = frozenset(
        ["PSI", "Product_Substitute_Identification", "Product_Substitue_Identification"]
    )
    rows = rows_of(path_source.open_rows(source, tmp_path / "cache"), names, "test")
    assert [row["input"] for _, row in rows] == [ROWS[2]["input"], ROWS[5]["input"]]
    assert path_source.labels(source) is None


def test_rows_under_several_names_stay_in_the_order_of_the_file(tmp_path: Path) -> None:
    names = ["Query_Product_Ranking", "QPR", "Query_Product_Rank"] * 3
    rows = [row(name, "test", number) for number, name in enumerate(names)]
    source = PathData(source="path", path=str(write(tmp_path, lines(rows))))
    opened = path_source.open_rows(source, tmp_path / "cache")
    assert [one for _, one in rows_of(opened, frozenset(names), "test")] == rows


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
    odd["setting"] = ONE_SHOT
    rows = [*ROWS, odd, row("PSI", "test", 4, options="[]"), row("PSI", "test", 1, setting=OOD)]
    path = write(tmp_path, lines(sorted(rows, key=lambda row: row["task"])))
    local = script(tmp_path, {"source": "path", "path": str(path)}, "path.jsonl", ALL)
    remote = script(tmp_path, hub(tmp_path, rows), "hub.jsonl", ALL)
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


@pytest.mark.parametrize("name", ["train.json", "data/train-00000-of-00001.parquet"])
def test_other_forms_of_hub_files_give_the_same_records(name: str, tmp_path: Path) -> None:
    content = json.dumps(ROWS) if name.endswith("json") else parquet(tmp_path, ROWS)
    (tmp_path / "ECInstruct/data").mkdir(parents=True)
    write(tmp_path / "ECInstruct", content, name)
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
    assert "records2.jsonl: is not in hub layout, so it would be left out" in done.stderr


def test_a_hub_folder_that_the_library_cannot_read_is_one_line(tmp_path: Path) -> None:
    source = hub(tmp_path, ROWS)
    (tmp_path / "ECInstruct/README.md").write_text("---\n: [\n---\n")
    done = script(tmp_path, source)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_a_hub_row_without_a_split_is_never_taken_for_a_test_row(tmp_path: Path) -> None:
    bare = {key: value for key, value in ROWS[2].items() if key != "split"}
    source = hub(tmp_path, [*ROWS, bare])
    done = script(tmp_path, source)
    assert done.returncode == 1
    first, last = done.stderr.splitlines()
    assert first.endswith("train.jsonl: line 7: no text in split")
    assert "tolerate: [missing_field]" in last
    assert script(tmp_path, source | {"tolerate": ["missing_field"]}).returncode == 0
    assert len(read_records(tmp_path / "test.jsonl")) == 2
