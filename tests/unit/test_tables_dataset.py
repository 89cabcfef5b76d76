from pathlib import Path
from typing import Any

import pytest
from table_files import IND, OOD, TASKS, record_line, request, write_dataset
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from ecslm.files import InputError
from ecslm.tables.dataset import build
from ecslm.tables.model import Cell, Table
from ecslm.tables.requests import TableRequest, dataset_files
from ecslm.tables.sources import Sources

COLUMNS = [
    {"title": "Train", "split": "train", "setting": IND},
    {"title": "Test IND", "split": "test", "setting": IND},
    {"title": "Test OOD", "split": "test", "setting": OOD},
]


def dataset_request(**context: Any) -> TableRequest:
    return request({"kind": "dataset", "tasks": ["PM", "SA"], "columns": COLUMNS}, **context)


def write_all(results: Path) -> None:
    write_dataset(results, "PM", "train", [record_line("PM", "train", n) for n in range(3)])
    answers = ["yes", "no", "no", "no"]
    lines = [record_line("PM", "test", n, output=answer) for n, answer in enumerate(answers)]
    write_dataset(results, "PM", "test", lines)
    options = ["A: good", "B: bad"]
    for split in ("train", "test"):
        line = record_line("SA", split, 0, options=options, output="B: bad")
        other = record_line("SA", split, 1, options=options, output="A", setting=OOD)
        write_dataset(results, "SA", split, [line, other])


def cells_of(table: Table, panel: int, name: str) -> tuple[Cell, ...]:
    rows = {row.name: row for group in table.panels[panel].groups for row in group.rows}
    return rows[name].cells


def counts_file(folder: Path) -> Path:
    path = folder / "counts.csv"
    path.write_text(
        f"task,split,setting,records\nPM,train,{IND},3\nPM,test,{IND},4\n"
        f"SA,train,{IND},1\nSA,test,{IND},7\nSA,test,{OOD},1\n"
    )
    return path


def test_records_are_counted_per_task_split_and_setting(tmp_path: Path) -> None:
    write_all(tmp_path)
    table = build("dataset", dataset_request(), Sources(tmp_path))
    assert [cell.shown for cell in cells_of(table, 0, "PM")] == ["3", "4", "--"]
    assert [cell.shown for cell in cells_of(table, 0, "SA")] == ["1", "1", "1"]
    assert cells_of(table, 0, "PM")[1].sources == ("dataset/PM/test.jsonl",)


def test_published_counts_stand_beside_and_differences_are_named(tmp_path: Path) -> None:
    write_all(tmp_path)
    sources = Sources(tmp_path, published=counts_file(tmp_path))
    table = build("dataset", dataset_request(), sources)
    assert [cell.shown for cell in cells_of(table, 0, "SA")] == ["1", "1", "1", "7", "1", "1"]
    assert "Counts differ from the published ones for: SA." in table.notes


def test_published_counts_of_other_data_are_not_shown(tmp_path: Path) -> None:
    write_all(tmp_path)
    sources = Sources(tmp_path, published=counts_file(tmp_path))
    wanted = dataset_request(data={"source": "a shop", "comparable": False})
    table = build("dataset", wanted, sources)
    assert len(table.panels[0].columns) == 3


def test_label_shares_are_per_label_and_split(tmp_path: Path) -> None:
    write_all(tmp_path)
    table = build("dataset", dataset_request(), Sources(tmp_path))
    assert [cell.shown for cell in cells_of(table, 1, "PM no")] == ["0.0", "75.0", "--"]
    assert [cell.shown for cell in cells_of(table, 1, "SA A")] == ["0.0", "0.0", "100.0"]


def test_places_in_a_long_list_are_no_labels(tmp_path: Path) -> None:
    write_all(tmp_path)
    letters = "ABCDEFGHIJKL"
    options = [f"{letter}: item" for letter in letters]
    lines = [
        record_line("SA", "test", n, options=options, output=letter)
        for n, letter in enumerate(letters)
    ]
    write_dataset(tmp_path, "SA", "test", lines)
    table = build("dataset", dataset_request(), Sources(tmp_path))
    names = [row.name for group in table.panels[1].groups for row in group.rows]
    assert names == ["PM no", "PM yes"]


def test_token_lengths_are_those_of_the_given_tokenizer(tmp_path: Path) -> None:
    write_all(tmp_path)
    tokenizer = Tokenizer(WordLevel({"?": 0}, unk_token="?"))
    tokenizer.pre_tokenizer = Whitespace()
    path = tmp_path / "tokenizer.json"
    tokenizer.save(str(path))
    table = build("dataset", dataset_request(), Sources(tmp_path, tokenizer=path))
    # Eight for "Tell whether the products are the same.", five for "a lamp and a chair".
    assert [cell.value for cell in cells_of(table, 0, "PM")[-2:]] == [13, 13]


def test_a_file_that_is_no_tokenizer_is_named(tmp_path: Path) -> None:
    write_all(tmp_path)
    path = tmp_path / "tokenizer.json"
    path.write_text("{}")
    with pytest.raises(InputError, match=r"tokenizer\.json: not a tokenizer"):
        build("dataset", dataset_request(), Sources(tmp_path, tokenizer=path))


def test_a_task_that_is_not_trained_has_no_training_file() -> None:
    tasks = {**TASKS, "PM": {**TASKS["PM"], "train": False}}
    assert dataset_files(dataset_request(tasks=tasks)) == [
        "dataset/PM/test.jsonl",
        "dataset/SA/train.jsonl",
        "dataset/SA/test.jsonl",
    ]
