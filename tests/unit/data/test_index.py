"""The index of local files: rows split by task and split, read back as they are in the file."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.raw_rows import ROWS, Row, lines, parquet, row, write

from ecslm.common.errors import InputError
from ecslm.data import rows as rows_module
from ecslm.data import source as source_module
from ecslm.data.settings import PathData
from ecslm.data.source import IndexedRows, open_rows


def opened(path: Path, cache: Path) -> IndexedRows:
    return open_rows(PathData(source="path", path=str(path)), cache)


def index_of(folder: Path, content: str | bytes, name: str = "rows.jsonl") -> IndexedRows:
    return opened(write(folder, content, name), folder / "cache")


def places(index: IndexedRows) -> list[str]:
    return [place for place, _ in index.rows(index.parts)]


def digests(index: IndexedRows) -> dict[tuple[str, str], str]:
    return {(part.task, part.split): part.content for part in index.parts}


def problems(folder: Path, content: str | bytes) -> list[str]:
    """Rows that belong nowhere, without the file's name, which every line must begin with."""
    found = [x for one in index_of(folder, content).misplaced.found.values() for x in one.first]
    assert all(problem.startswith("rows.jsonl: ") for problem in found)
    return [problem.removeprefix("rows.jsonl: ") for problem in found]


def refusal(folder: Path, content: str | bytes) -> str:
    """Why the file as a whole cannot be read, without its name; nothing is kept of it."""
    with pytest.raises(InputError) as caught:
        index_of(folder, content)
    (problem,) = caught.value.problems
    assert problem.startswith("rows.jsonl: ")
    assert not list((folder / "cache").rglob("*.json*"))
    return problem.removeprefix("rows.jsonl: ")


def rows_of(index: IndexedRows) -> list[tuple[str, str, list[Row]]]:
    return [(p.task, p.split, [row for _, row in index.rows([p])]) for p in index.parts]


def test_a_file_is_split_by_task_and_split_in_file_order(tmp_path: Path) -> None:
    index = index_of(tmp_path, lines(ROWS))
    keys = sorted({(one["task"], one["split"]) for one in ROWS})
    expected = [(*key, [one for one in ROWS if (one["task"], one["split"]) == key]) for key in keys]
    assert rows_of(index) == expected
    assert [part.rows for part in index.parts] == [len(rows) for _, _, rows in expected]
    assert sorted(places(index)) == [f"rows.jsonl: line {number}" for number in range(1, 7)]


@given(st.sampled_from(range(len(ROWS))))
def test_an_edited_row_changes_the_digest_of_its_own_part_alone(
    tmp_path_factory: pytest.TempPathFactory, number: int
) -> None:
    folder = tmp_path_factory.mktemp("edited")
    before = digests(index_of(folder, lines(ROWS)))
    edited = [*ROWS[:number], {**ROWS[number], "output": "yes"}, *ROWS[number + 1 :]]
    after = digests(index_of(folder, lines(edited)))
    own = ROWS[number]["task"], ROWS[number]["split"]
    assert [key for key in before if before[key] != after[key]] == [own]


def test_the_layout_of_a_file_does_not_change_the_digests(tmp_path: Path) -> None:
    plain = digests(index_of(tmp_path, lines(ROWS)))
    for content in (
        json.dumps(ROWS),
        "\ufeff" + lines(ROWS).replace("\n", "\r\n\n").removesuffix("\n"),
        "\ufeff \n" + json.dumps(ROWS, indent=1, ensure_ascii=False).replace("\n", "\r\n") + "\n ",
        lines(sorted(ROWS, key=lambda row: row["task"])),
        lines(
            [{"remark": number, **dict(reversed(one.items()))} for number, one in enumerate(ROWS)]
        ),
        parquet(ROWS),
    ):
        assert digests(index_of(tmp_path, content)) == plain


@pytest.mark.parametrize("size", [1, 7, 64])
def test_a_list_is_read_in_pieces_of_any_size(
    size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = digests(index_of(tmp_path, lines(ROWS)))
    odd = row("Odd", "test", input='\u2028 "[{,]}" \\ \U0001f600', options=["A: x"], output=-1.5e-7)
    monkeypatch.setattr(rows_module, "CHUNK", size)
    for indent in (None, 3):
        index = index_of(tmp_path, json.dumps([*ROWS, odd], indent=indent))
        assert digests(index).items() >= plain.items()
        assert ("Odd", "test", [odd]) in rows_of(index)


def test_rows_of_several_names_come_name_by_name(tmp_path: Path) -> None:
    names = ("Query_Product_Rank", "Query_Product_Ranking")
    rows = [row(names[number % 2], "test", number) for number in range(4)]
    index = index_of(tmp_path, lines(rows))
    assert [made for _, made in index.rows(index.of(names, "test"))] == [*rows[::2], *rows[1::2]]
    again = index_of(tmp_path, lines([rows[place] for place in (1, 0, 3, 2)]))
    turned = index_of(tmp_path, lines(rows[::-1]))
    digests = [one.content(names, "test") for one in (index, again, turned)]
    assert (digests[0] == digests[1], digests[0] == digests[2]) == (True, False)


# The cache


def test_an_index_is_made_once_and_replaces_that_of_former_content(tmp_path: Path) -> None:
    inodes = []
    for rows in (ROWS, ROWS, ROWS[:2]):
        index = index_of(tmp_path, lines(rows))
        assert len(places(index)) == len(rows)
        parts = (tmp_path / "cache").glob("*/*.jsonl")
        inodes.append({path.stat().st_ino for path in parts})
    assert inodes[0] == inodes[1]
    assert len(inodes[2]) == 2


def test_an_altered_part_is_refused_and_a_damaged_index_built_again(tmp_path: Path) -> None:
    index = index_of(tmp_path, lines(ROWS))
    names = index.parts[0].file, "index.json"
    part, whole = (next((tmp_path / "cache").glob(f"*/{name}")) for name in names)
    text = part.read_text()
    altered = [text.replace(*one) for one in (('"no"', '"yes"'), ('"rows', "rows"), ("\t", "\n"))]
    for content in (*altered, text[:-9], None):
        part.unlink() if content is None else part.write_text(content)
        with pytest.raises(InputError, match=r"modified .* the directory \S+ to rebuild it$"):
            list(index.rows(index.parts))
    for damage in (lambda: whole.write_bytes(b"[]\n"), whole.unlink):
        damage()
        assert len(places(index_of(tmp_path, lines(ROWS)))) == len(ROWS)


def test_a_file_that_is_edited_and_put_back_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, read_rows = write(tmp_path, lines(ROWS)), rows_module.read_rows

    def read_another(*arguments: Any) -> Any:
        write(tmp_path, lines(ROWS[:2]))
        yield from read_rows(*arguments)
        write(tmp_path, lines(ROWS))

    monkeypatch.setattr(source_module, "read_rows", read_another)
    with pytest.raises(InputError, match=r"rows\.jsonl: changed while it was being read"):
        opened(path, tmp_path / "cache")


def test_what_a_killed_writer_has_left_is_made_again(tmp_path: Path) -> None:
    opened(write(tmp_path, lines(ROWS[:1])), tmp_path / "cache")
    (index,) = (tmp_path / "cache").glob("*/index.json")
    index.unlink()
    new = index.parent.with_suffix(".new")
    new.mkdir()
    (new / "000.jsonl").write_text("half a li")
    assert len(places(index_of(tmp_path, lines(ROWS)))) == len(ROWS)
    assert not new.exists()


# Files


def test_a_directory_gives_the_rows_of_all_its_files_but_hidden_ones(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    (folder / "data").mkdir(parents=True)
    (folder / ".git").mkdir()
    write(folder, lines(ROWS[:2]), "data/a.jsonl")
    write(folder, parquet(ROWS[2:4]), "data/b.parquet")
    write(folder, json.dumps(ROWS[4:]), "c.json")
    write(folder, "{", ".git/state.json")
    index = opened(folder, tmp_path / "cache")
    assert digests(index) == digests(index_of(tmp_path, lines(ROWS)))
    names = ("shop/c.json: row", "shop/data/a.jsonl: line", "shop/data/b.parquet: row")
    assert sorted(places(index)) == [f"{name} {number}" for name in names for number in (1, 2)]


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({}, "shop: no such file"),
        ({"notes.txt": ""}, "shop: is a directory without .json, .jsonl, .parquet files"),
        ({"a.jsonl": lines(ROWS), "b.jsonl": ""}, "shop/b.jsonl: has no rows"),
        ({"a.jsonl": lines(ROWS), "b.csv": ""}, "shop/b.csv: not one of .json, .jsonl, .parquet"),
    ],
)
def test_no_file_of_a_directory_is_left_out_or_empty(
    files: dict[str, str], problem: str, tmp_path: Path
) -> None:
    for name, content in files.items():
        (tmp_path / "shop").mkdir(exist_ok=True)
        write(tmp_path / "shop", content, name)
    with pytest.raises(InputError) as caught:
        opened(tmp_path / "shop", tmp_path / "cache")
    assert problem in str(caught.value)


BARE = {key: value for key, value in ROWS[0].items() if key != "split"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("\n\n", "has no rows"),
        (" [ ] ", "has no rows"),
        ("[{}] {}", "more text after the end of the list"),
        ("[" * 100_000, "row 1: not JSON ("),
        (json.dumps(ROWS)[:-1], "row 7: not JSON (Expecting value"),
        (b'[{"a": "\xe9"}]', "not UTF-8 text ("),
        (lines(ROWS).encode("utf-16"), "is UTF-16 text: save it as UTF-8"),
        (lines([{**ROWS[0], "Split": "x"}]), "line 1: unknown column 'Split': did you mean"),
        (lines([BARE, ROWS[0]]), "line 2: has split, which earlier rows lack, or"),
    ],
)
def test_a_file_that_cannot_be_read_as_a_whole_is_one_line(
    content: str | bytes, words: str, tmp_path: Path
) -> None:
    assert refusal(tmp_path, content).startswith(words)


def test_a_parquet_file_is_refused_if_it_is_cut_or_has_a_misspelt_column(tmp_path: Path) -> None:
    cut = parquet(ROWS)[:-9]
    assert refusal(tmp_path, cut).startswith("not Parquet (")
    misspelt = parquet([{**one, "Split": "train"} for one in ROWS])
    assert refusal(tmp_path, misspelt).startswith("unknown column 'Split': did you mean")


# The second line, and what is said of it.
BROKEN: tuple[tuple[str | bytes, str], ...] = (
    ("{'task': 1}\n", "not JSON (Expecting property name"),
    ("[1]\n", "not an object"),
    (b'{"a": "\xe9"}\n', "not UTF-8 text ("),
    (lines(ROWS[:1])[:-20], "not JSON (Unterminated string"),
    (lines([BARE]), "no text in task or split"),
    (lines([{**ROWS[0], "task": {"a": 1}}]), "no text in task or split"),
    (lines([{**ROWS[0], "task": "X"}]).replace('"X"', '"\\ud800"'), "no text in task or split"),
    (lines([{**ROWS[0], "options": "X"}]).replace('"X"', "[" * 5000 + "]" * 5000), "not JSON ("),
)


@pytest.mark.parametrize(("line", "words"), BROKEN)
def test_a_broken_line_is_named_and_no_other_is_lost(
    line: str | bytes, words: str, tmp_path: Path
) -> None:
    content = line.encode() if isinstance(line, str) else line
    (problem,) = problems(tmp_path, lines(ROWS[:1]).encode() + content)
    assert problem.startswith(f"line 2: {words}")
    assert problem.endswith("truncated?") == (not content.endswith(b"\n"))
