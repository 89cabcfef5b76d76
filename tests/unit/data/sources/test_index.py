"""The index of local files: rows split by task and split, read back as they are in the file."""

import itertools
import json
import math
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.imports import imported_modules
from support.project import SCRIPTS
from support.raw_rows import ROWS, Row, lines, parquet, row, write

from ecslm.common.errors import InputError
from ecslm.data.settings import PathData
from ecslm.data.sources import index as index_module
from ecslm.data.sources import json_rows
from ecslm.data.sources import path as path_source
from ecslm.data.sources.index import SPLITTING_CODE, IndexedRows
from ecslm.data.sources.path import open_rows
from ecslm.data.sources.protocol import rows_of


def opened(path: Path, cache: Path) -> IndexedRows:
    return open_rows(PathData(source="path", path=str(path)), cache)


def index_of(folder: Path, content: str | bytes, name: str = "rows.jsonl") -> IndexedRows:
    return opened(write(folder, content, name), folder / "cache")


def rows_of_index(index: IndexedRows) -> list[tuple[str, str, list[Row]]]:
    return [(*part, [row for _, row in index.rows([part])]) for part in index.parts()]


def places(index: IndexedRows) -> list[str]:
    return [place for place, _ in index.rows(index.parts())]


def problems(folder: Path, content: str | bytes) -> list[str]:
    """Rows that belong nowhere, without the file's name, which every line must begin with."""
    found = [
        line for kind in index_of(folder, content).index.problems.values() for line in kind.first
    ]
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


def digests(index: IndexedRows) -> dict[tuple[str, str], str]:
    return {(part.task, part.split): part.sha256 for part in index.index.parts}


def test_a_file_is_split_by_task_and_split_in_file_order(tmp_path: Path) -> None:
    index = index_of(tmp_path, lines(ROWS))
    assert rows_of_index(index) == [
        ("Product_Matching", "test", [ROWS[1], ROWS[3]]),
        ("Product_Matching", "train", [ROWS[0]]),
        ("Product_Substitue_Identification", "test", [ROWS[5]]),
        ("Product_Substitute_Identification", "test", [ROWS[2]]),
        ("Product_Substitute_Identification", "train", [ROWS[4]]),
    ]
    assert index.index.parts[0].rows == 2
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


def test_a_damaged_parquet_file_is_one_line(tmp_path: Path) -> None:
    content = parquet(tmp_path, ROWS)
    assert refusal(tmp_path, content[:-9]).startswith("after row 0: not Parquet (")


@pytest.mark.parametrize("size", [1, 7, 64])
def test_a_list_is_read_in_pieces_of_any_size(
    size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = digests(index_of(tmp_path, lines(ROWS)))
    odd = row("Odd", "test", input='\u2028 "[{,]}" \\ \U0001f600', options=["A: x"], output=-1.5e-7)
    monkeypatch.setattr(json_rows, "CHUNK", size)
    for indent in (None, 3):
        text = json.dumps([*ROWS, odd], indent=indent)
        index = index_of(tmp_path, text)
        assert digests(index).items() >= plain.items()
        assert ("Odd", "test", [odd]) in rows_of_index(index)


def test_a_bare_nan_is_read_back_as_one(tmp_path: Path) -> None:
    text = lines([row("A", "test")]).replace('"options": null', '"options": NaN')
    assert '"options": NaN' in text
    ((_, _, rows),) = rows_of_index(index_of(tmp_path, text))
    assert math.isnan(rows[0]["options"])
    assert "NaN" in rows[0]["input"], "text is left alone"


def test_an_index_is_made_once_for_a_files_content(tmp_path: Path) -> None:
    first = index_of(tmp_path, lines(ROWS))
    part = first.folder / first.index.parts[0].file
    before = part.stat().st_mtime_ns
    assert index_of(tmp_path, lines(ROWS)).index == first.index
    assert part.stat().st_mtime_ns == before


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def extended(path: Path) -> None:
    path.write_bytes(path.read_bytes() * 2)


def renumbered(path: Path) -> None:
    path.write_text(path.read_text().replace("1 ", "9 ", 1))


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        *(("000.jsonl", damage) for damage in (cut, Path.unlink)),
        *(("000.places", damage) for damage in (extended, renumbered)),
    ],
)
def test_a_damaged_part_says_how_to_fix_it(
    file: str, damage: Callable[[Path], None], tmp_path: Path
) -> None:
    index = index_of(tmp_path, lines(ROWS))
    damage(index.folder / file)
    with pytest.raises(InputError, match=f"delete the directory {index.folder} to rebuild it$"):
        list(index.rows(index.parts()))


def test_an_altered_index_is_refused(tmp_path: Path) -> None:
    index = index_of(tmp_path, lines(ROWS))
    path = index.folder / "index.json"
    path.write_text(path.read_text().replace('"rows": 2', '"rows": 1', 1))
    with pytest.raises(InputError, match="modified since it was written: delete the directory"):
        index_of(tmp_path, lines(ROWS))


def test_a_file_that_is_edited_and_put_back_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, lines(ROWS))
    split_files = index_module.split_files

    def split_another(*arguments: Any) -> Any:
        write(tmp_path, lines(ROWS[:2]))
        try:
            return split_files(*arguments)
        finally:
            write(tmp_path, lines(ROWS))

    monkeypatch.setattr(index_module, "split_files", split_another)
    with pytest.raises(
        InputError, match=r"rows\.jsonl: changed while it was being read: run again"
    ):
        opened(path, tmp_path / "cache")
    monkeypatch.undo()
    assert len(places(opened(path, tmp_path / "cache"))) == len(ROWS)


def test_an_index_whose_making_is_killed_at_any_moment_is_made_again(tmp_path: Path) -> None:
    path, replace = write(tmp_path, lines(ROWS)), os.replace
    for number in itertools.count(1):
        cache, left = tmp_path / str(number), number
        if (child := os.fork()) == 0:

            def dying(*arguments: Any) -> None:
                nonlocal left
                left -= 1
                if not left:
                    os._exit(9)
                replace(*arguments)

            os.replace = dying
            opened(path, cache)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert places(opened(path, cache)) == [f"rows.jsonl: line {n}" for n in range(1, 7)]
        assert not list(cache.glob(".*"))
        if status == 0:
            break
    assert number > 5


NAMES = ("Query_Product_Rank", "Query_Product_Ranking")


@given(st.permutations(range(6)), st.permutations(range(6)))
def test_rows_of_several_names_have_the_digest_of_their_order(
    one: list[int], two: list[int]
) -> None:
    """Equal digests exactly where the rows come out equal, in the order of the file."""
    rows = [row(NAMES[number % 2], "test", number) for number in range(6)]
    with tempfile.TemporaryDirectory() as folder:
        found = []
        for order in (one, two):
            index = index_of(Path(folder), lines([rows[place] for place in order]))
            digest = index.split_digests(NAMES, "test")
            found.append((digest, [made for _, made in index.rows(index.parts())]))
    assert (found[0][0] == found[1][0]) == (found[0][1] == found[1][1])


def test_the_keys_of_a_row_may_have_any_order_and_others_may_stand_beside_them(
    tmp_path: Path,
) -> None:
    plain = digests(index_of(tmp_path, lines(ROWS)))
    turned = [{key: one[key] for key in reversed(one)} for one in ROWS]
    assert digests(index_of(tmp_path, lines(turned))) == plain
    remarked = [{"remark": {"by": {"me": number}}, **one} for number, one in enumerate(ROWS)]
    index = index_of(tmp_path, lines(remarked))
    assert (digests(index), index.problems().total()) == (plain, 0)


def test_an_index_may_be_read_from_another_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write(tmp_path, lines(ROWS))
    monkeypatch.chdir(tmp_path)
    made = opened(source, Path("cache"))
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    again = opened(source, Path("../cache"))
    assert list(again.rows(again.parts())) == [
        (f"rows.jsonl: line {number}", row) for number, row in enumerate(ROWS, start=1)
    ]
    assert again.parts() == made.parts()


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


def test_a_missing_source_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no rows")
    (tmp_path / "dataset_infos.json").write_text("{}")
    words = "is a directory without .json, .jsonl, .parquet files"
    for path, problem in ((tmp_path / "none", "no such file"), (tmp_path, words)):
        with pytest.raises(InputError, match=f"^{path}: {problem}"):
            opened(path, tmp_path / "cache")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("b.jsonl", "", "shop/b.jsonl: has no rows"),
        ("b.csv", "task,split", r"shop/b.csv: not one of \.json, \.jsonl, \.parquet"),
    ],
)
def test_no_file_of_a_directory_is_left_out_or_empty(
    name: str, content: str, words: str, tmp_path: Path
) -> None:
    (tmp_path / "shop").mkdir()
    write(tmp_path, lines(ROWS), "shop/a.jsonl")
    write(tmp_path, content, f"shop/{name}")
    with pytest.raises(InputError, match=words):
        opened(tmp_path / "shop", tmp_path / "cache")


def test_a_file_of_another_form_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"not one of \.json, \.jsonl, \.parquet: save it as one of"
    ):
        index_of(tmp_path, lines(ROWS), "rows.csv")


def test_a_column_that_is_almost_one_of_the_release_is_never_left_unread(tmp_path: Path) -> None:
    name = "Split"
    rows = [*ROWS, {**ROWS[0], name: "train"}]
    assert refusal(tmp_path, lines(rows)).startswith(f"line 7: unknown column {name!r}: did")
    words = f"unknown column {name!r}: did you mean"
    assert refusal(tmp_path, parquet(tmp_path, rows[::-1])).startswith(words)


def test_a_directory_gives_the_rows_of_all_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    (folder / "data").mkdir(parents=True)
    (folder / ".git").mkdir()
    write(folder, lines(ROWS[:2]), "data/a.jsonl")
    write(folder, parquet(tmp_path, ROWS[2:4]), "data/b.parquet")
    write(folder, json.dumps(ROWS[4:]), "c.json")
    write(folder, "{", ".git/state.json")
    index = opened(folder, tmp_path / "cache")
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


def test_a_truncated_list_is_never_taken_for_a_whole_one(tmp_path: Path) -> None:
    assert refusal(tmp_path, json.dumps(ROWS)[:-1]).endswith("is the file truncated?")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[{} {}]", "row 2: not JSON (a comma is missing before it)"),
        ("[{},]", "row 2: not JSON (Expecting value"),
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
    words = "line 2: has split, which earlier rows lack: add it to all rows or to none"
    assert refusal(tmp_path, lines([bare, ROWS[0]])) == words


def test_a_duplicate_key_is_a_problem_of_its_row(tmp_path: Path) -> None:
    twice = lines(ROWS[:1]).replace('"output": "no"', '"output": "no", "output": "yes"')
    assert problems(tmp_path, lines(ROWS[1:2]) + twice) == [
        "line 2: not JSON (a duplicate key in an object)"
    ]
    (tmp_path / "listed").mkdir()
    assert (
        refusal(tmp_path / "listed", f"[{twice}]")
        == "row 1: not JSON (a duplicate key in an object)"
    )


@pytest.mark.parametrize("depth", [2, 988, 5000])
def test_nested_values_are_a_problem_of_their_row_however_deep(depth: int, tmp_path: Path) -> None:
    deep = lines([{**ROWS[0], "options": "X"}]).replace('"X"', "[" * depth + "]" * depth)
    index = index_of(tmp_path, deep + lines(ROWS[1:]))
    assert [found.count for found in index.index.problems.values()] == [1]
    assert len(list(index.rows(index.parts()))) == len(ROWS) - 1


def test_a_column_of_another_type_is_a_problem_of_its_rows(tmp_path: Path) -> None:
    content = parquet(tmp_path, [{**row, "input": b"\xff"} for row in ROWS])
    (first, *rest) = problems(tmp_path, content)
    assert first.startswith("row 1: cannot be stored: ")
    assert len(rest) == 4


@pytest.mark.parametrize("content", ["\n\n", " [ ] "])
def test_a_file_without_rows_is_an_error(content: str, tmp_path: Path) -> None:
    assert refusal(tmp_path, content) == "has no rows"


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
    assert path_source.open_rows(source, tmp_path / "cache").labels() is None


def test_the_modules_that_decide_an_index_are_all_listed() -> None:
    """Those that splitting imports, but for the ones in `common`, which know nothing of rows."""
    found = imported_modules("ecslm/data/sources/index.py", ("ecslm.data.sources.index",))
    packages = {m for m in found if SCRIPTS.joinpath(*m.split(".")).is_dir()}
    assert set(SPLITTING_CODE) == {
        module for module in found - packages if not module.startswith("ecslm.common.")
    }


def test_a_duplicate_parquet_column_is_refused(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet as format_

    table = pyarrow.Table.from_pylist(ROWS)
    format_.write_table(table.append_column("output", table["output"]), tmp_path / "rows.jsonl")
    content = (tmp_path / "rows.jsonl").read_bytes()
    assert refusal(tmp_path, content) == "duplicate column output"


def test_an_unpaired_surrogate_in_a_task_is_a_problem_of_its_row(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, lines([{**ROWS[0], "task": "X"}]).replace("X", "\\ud800"))
    assert problem == "line 1: task and split: ('\\ud800', 'train') contain an unpaired surrogate"


def test_columns_that_are_no_tasks_are_refused(tmp_path: Path) -> None:
    content = lines([row(f"task {number}", "test") for number in range(1001)])
    words = "line 1001: more than 1000 different pairs of task and split"
    assert refusal(tmp_path, content).startswith(words)
