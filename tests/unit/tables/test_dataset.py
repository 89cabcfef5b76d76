"""Dataset tables: counts, labels and lengths, as the reports say."""

from pathlib import Path
from typing import Any

from support.table_files import IND, OOD, TASKS, built, cells, request, shown

from ecslm.common.files import write_json
from ecslm.tables.kind import TableRequest
from ecslm.tables.model import Table

PLACES = {"Train": ("train", IND), "Test IND": ("test", IND), "Test OOD": ("test", OOD)}
COLUMNS = [{"title": one, "split": of[0], "setting": of[1]} for one, of in PLACES.items()]
EXAMPLE = {"instruction": "Same?", "input": "a", "options": None, "output": "yes"}
LENGTHS = {"min": 1, "p50": 50, "p99": 190, "max": 200}
TWO = {code: TASKS[code] for code in ("PM", "SA")}


def asked(**context: Any) -> TableRequest:
    entry = {"kind": "dataset", "tasks": ["PM", "SA"], "columns": COLUMNS}
    return request(entry, **{"tasks": TWO, **context})


def described(records: int, labels: dict[str, int] | None, p95: int = 90) -> dict[str, Any]:
    prompt = LENGTHS | {"p50": 200 - p95, "p95": p95}
    found = {"records": records, "labels": labels, "truncated": records // 3, "instructions": 5}
    lengths = {"prompt_tokens": prompt, "answer_tokens": LENGTHS | {"p95": 60}}
    return {**found, **lengths, "room": 100}


def made(results: Path, wanted: TableRequest | None = None, **check: Any) -> Table:
    """A table of two tasks, beside published counts, of which one is another."""
    only_b, only_a = ({IND: described(1, {"B": 1})}, {OOD: described(1, {"A": 1})})
    tested = {IND: described(4, {"no": 3, "yes": 1}, p95=120)}
    splits = {
        "PM": {"train": {IND: described(3, {"yes": 3})}, "test": tested},
        "SA": {"train": only_b, "test": only_b | only_a},
    }
    for task, answer in {"PM": "yes_no", "SA": "choice"}.items():
        about = {"task": task, "answer": answer, "tokenizer": "Tiny"}
        about |= {"options": None, "example": EXAMPLE, "splits": splits[task]}
        write_json(results / f"descriptions/{task}.json", about)
    fields = {"problems": {}, "dropped": 0, "elsewhere": 0, "tasks": {}, "differing": []}
    write_json(results / "data_check.json", {"files": {}, **fields, **check})
    counts = results / "counts.csv"
    counts.write_text(
        f"task,split,setting,records,yes\nPM,train,{IND},3,\nPM,test,{IND},4,1\n"
        f"SA,train,{IND},1,\nSA,test,{IND},7,\nSA,test,{OOD},1,\n"
    )
    return built(wanted or asked(), results, published=counts)


def test_records_labels_and_lengths_stand_beside_published_counts(tmp_path: Path) -> None:
    table = made(tmp_path)
    rest = [""] * 4
    assert shown(table) == {
        # The longest prompts are those of the second column; cut inputs are summed.
        "PM": ["3", "4", "--", "0", "80", "120", "2"],
        "PM published": ["3", "4", "--", *rest],
        "PM no": ["0.0 %", "75.0 %", "", *rest],
        "PM yes": ["100.0 %", "25.0 %", "", *rest],
        "SA": ["1", "1", "1", "0", "110", "90", "0"],
        "SA published": ["1", "7", "1", *rest],
        "SA A": ["0.0 %", "0.0 %", "100.0 %", *rest],
        "SA B": ["100.0 %", "100.0 %", "0.0 %", *rest],
    }
    pm = cells(table)["PM"]
    assert pm["Test IND"].sources == ("descriptions/PM.json",)
    assert any("tokenizer of Tiny" in note for note in table.notes)
    read = ("data_check.json", "descriptions/PM.json", "descriptions/SA.json")
    assert asked().table.files == read


def test_published_counts_of_other_data_are_not_shown(tmp_path: Path) -> None:
    table = made(tmp_path, asked(data={"source": "a shop", "comparable": False}))
    assert not any("published" in name for name in shown(table))
    assert not any("published" in note for note in table.notes)


def test_dropped_rows_are_counted_by_task(tmp_path: Path) -> None:
    tasks = {"PM": {"val": {IND: {"rows": 5, "records": 3}}}}
    table = made(tmp_path, dropped=3, elsewhere=1, tasks=tasks)
    assert [cells(table)[task]["dropped"].value for task in ("PM", "SA")] == [2, 0]
