from pathlib import Path
from typing import Any

from ecslm.tables.sources import Sources
from support.table_files import IND, OOD, TASKS, request

from ecslm.common.files import write_json
from ecslm.data.card.reports import (
    Leakage,
    SettingDescription,
    SettingLeakage,
    Shared,
    TaskDescription,
    TokenLengths,
)
from ecslm.data.problems import FoundProblems
from ecslm.data.report import Count, Report
from ecslm.tables.kind import TableRequest
from ecslm.tables.kinds.dataset import DatasetEntry, build, files
from ecslm.tables.model import Cell, Table

COLUMNS = [
    {"title": "Train", "split": "train", "setting": IND},
    {"title": "Test IND", "split": "test", "setting": IND},
    {"title": "Test OOD", "split": "test", "setting": OOD},
]
EXAMPLE = {"instruction": "Same?", "input": "a", "options": None, "output": "yes"}
# Columns of the overlap with training.
OVERLAP = [f"{title} {kind}" for title in ("Test IND", "Test OOD") for kind in ("exact", "near")]


def dataset_request(**context: Any) -> TableRequest[DatasetEntry]:
    return request({"kind": "dataset", "tasks": ["PM", "SA"], "columns": COLUMNS}, **context)


def described(records: int, labels: dict[str, int] | None, p95: int = 90) -> SettingDescription:
    prompt = TokenLengths(min=10, p50=p95 - 40, p95=p95, p99=p95 + 5, max=p95 + 9)
    answer = TokenLengths(min=1, p50=1, p95=1, p99=1, max=1)
    return SettingDescription(
        records=records,
        instructions=5,
        labels=labels,
        prompt_tokens=prompt,
        answer_tokens=answer,
        room=100,
        truncated=records // 3,
    )


def overlap(records: int, exact: int, near: int, **changes: Any) -> SettingLeakage:
    fields = {"exact_with_output": 0, "instruction": "seen", "unseen_instructions": 0}
    fields |= {"queries": None, "history_targets": None}
    return SettingLeakage.model_validate(
        {"records": records, "exact": exact, "near": near, **fields, **changes}
    )


def write_all(results: Path, **check: Any) -> None:
    descriptions = {
        "PM": {
            "train": {IND: described(3, {"yes": 3})},
            "test": {IND: described(4, {"no": 3, "yes": 1}, p95=120)},
        },
        "SA": {
            "train": {IND: described(1, {"B": 1})},
            "test": {IND: described(1, {"B": 1}), OOD: described(1, {"A": 1})},
        },
    }
    leakages = {
        "PM": {IND: overlap(4, 1, 2, instruction="unseen", unseen_instructions=4)},
        "SA": {IND: overlap(1, 0, 0), OOD: overlap(1, 1, 1, queries=Shared(records=1, shared=1))},
    }
    for task, splits in descriptions.items():
        description = TaskDescription.model_validate(
            {
                **{"task": task, "answer": TASKS[task]["answer"], "tokenizer": "Tiny"},
                **{"options": None, "example": EXAMPLE, "splits": splits},
            }
        )
        report = Leakage(
            task=task,
            train_records=3,
            shingle_words=3,
            jaccard=0.8,
            settings=leakages[task],
            pairs=(),
        )
        write_json(results / f"descriptions/{task}.json", description.model_dump(mode="json"))
        write_json(results / f"leakage/{task}.json", report.model_dump(mode="json"))
    fields = {"problems": {}, "dropped": 0, "elsewhere": 0, "tasks": {}, "differing": ()}
    found = Report.model_validate({"files": {}, **fields, **check})
    write_json(results / "data_check.json", found.model_dump(mode="json"))


def cells_of(table: Table, name: str, *keys: str) -> list[Cell]:
    """The cells of a row in some columns, by default in all."""
    (panel,) = table.panels
    (row,) = (row for row in panel.rows if row.name == name)
    found = dict(zip((head.key for head in panel.columns), row.cells, strict=True))
    return [found[key] for key in keys or found]


def counts_file(folder: Path) -> Path:
    path = folder / "counts.csv"
    path.write_text(
        f"task,split,setting,records,yes\nPM,train,{IND},3,\nPM,test,{IND},4,1\n"
        f"SA,train,{IND},1,\nSA,test,{IND},7,\nSA,test,{OOD},1,\n"
    )
    return path


def test_records_are_counted_per_task_split_and_setting(tmp_path: Path) -> None:
    write_all(tmp_path)
    table = build("dataset", dataset_request(), Sources(tmp_path))
    assert [cell.shown for cell in cells_of(table, "PM")[:3]] == ["3", "4", "--"]
    assert [cell.shown for cell in cells_of(table, "SA")[:3]] == ["1", "1", "1"]
    assert cells_of(table, "PM")[1].sources == ("descriptions/PM.json",)


def test_published_counts_stand_below_and_differences_are_named(tmp_path: Path) -> None:
    write_all(tmp_path)
    sources = Sources(tmp_path, {"published": counts_file(tmp_path)})
    table = build("dataset", dataset_request(), sources)
    assert [cell.shown for cell in cells_of(table, "SA")[:3]] == ["1", "1", "1"]
    assert [cell.shown for cell in cells_of(table, "SA published")[:4]] == ["1", "7", "1", ""]
    assert [cell.shown for cell in cells_of(table, "PM published")[:3]] == ["3", "4", "--"]
    assert "Counts differ from the published ones for: SA." in table.notes


def test_published_counts_of_other_data_are_not_shown(tmp_path: Path) -> None:
    write_all(tmp_path)
    sources = Sources(tmp_path, {"published": counts_file(tmp_path)})
    wanted = dataset_request(data={"source": "a shop", "comparable": False})
    table = build("dataset", wanted, sources)
    assert not any("published" in row.name for row in table.panels[0].rows)
    assert not any("published" in note for note in table.notes)


def test_dropped_rows_are_counted_by_task_and_told_by_kind(tmp_path: Path) -> None:
    write_all(
        tmp_path,
        problems={
            "bad_output": FoundProblems(count=2, first=["a"]),
            "unknown_task": FoundProblems(count=1, first=["b"]),
        },
        dropped=3,
        elsewhere=1,
        tasks={"PM": {"val": {IND: Count(rows=5, records=3)}}},
    )
    table = build("dataset", dataset_request(), Sources(tmp_path))
    dropped = [cells_of(table, task, "dropped")[0].value for task in ("PM", "SA")]
    assert dropped == [2, 0]
    assert (
        "Dropped: rows of the task, of any split and setting, that cannot be used. "
        "In the whole source: bad_output 2, unknown_task 1; "
        "1 of them belong to no known task, split and setting."
    ) in table.notes


def test_label_shares_are_per_label_and_split(tmp_path: Path) -> None:
    write_all(tmp_path)
    table = build("dataset", dataset_request(), Sources(tmp_path))
    (panel,) = table.panels
    assert [row.name for row in panel.rows] == ["PM", "PM no", "PM yes", "SA", "SA A", "SA B"]
    for name, shares in {
        "PM no": ["0.0 %", "75.0 %", ""],
        "SA A": ["0.0 %", "0.0 %", "100.0 %"],
    }.items():
        cells = cells_of(table, name)
        assert [cell.shown for cell in cells[:3]] == shares
        assert {cell.shown for cell in cells[3:]} == {""}


def test_token_lengths_are_those_of_the_longest_column_and_cut_inputs_are_summed(
    tmp_path: Path,
) -> None:
    write_all(tmp_path)
    table = build("dataset", dataset_request(), Sources(tmp_path))
    assert [cell.value for cell in cells_of(table, "PM", "tokens median", "tokens p95", "cut")] == [
        80,
        120,
        2,
    ]
    assert any("tokenizer of Tiny" in note for note in table.notes)


def test_overlap_is_shown_per_test_column(tmp_path: Path) -> None:
    write_all(tmp_path)
    table = build("dataset", dataset_request(), Sources(tmp_path))
    for name, shares in {
        "PM": ["25.0", "50.0", "--", "--"],
        "SA": ["0.0", "0.0", "100.0", "100.0"],
    }.items():
        assert [cell.shown for cell in cells_of(table, name, *OVERLAP)] == shares
    assert cells_of(table, "PM", OVERLAP[0])[0].sources == ("leakage/PM.json",)
    assert (
        "Test records in which the query occurs in training records of any task: "
        "SA (Test OOD) 1 of 1."
    ) in table.notes


def test_a_note_tells_what_the_data_says_of_the_instructions(tmp_path: Path) -> None:
    write_all(tmp_path)
    table = build("dataset", dataset_request(), Sources(tmp_path))
    assert (
        "Instructions that occur in training: Test IND mixed (PM unseen, SA seen); Test OOD seen."
    ) in table.notes


def test_a_task_that_is_not_trained_has_no_overlap(tmp_path: Path) -> None:
    write_all(tmp_path)
    wanted = dataset_request(tasks={**TASKS, "PM": {**TASKS["PM"], "train": False}})
    assert files(wanted) == [
        "data_check.json",
        "descriptions/PM.json",
        "descriptions/SA.json",
        "leakage/SA.json",
    ]
    table = build("dataset", wanted, Sources(tmp_path))
    assert {cell.shown for cell in cells_of(table, "PM", *OVERLAP)} == {"--"}
    assert {cell.shown for cell in cells_of(table, "SA", *OVERLAP)} == {"0.0", "100.0"}
