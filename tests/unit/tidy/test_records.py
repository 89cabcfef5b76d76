"""Answers to records as tidy rows."""

import json
from pathlib import Path

import pytest
from support.report_files import report_settings, write_records, write_results
from support.table_files import IND

from ecslm.common.errors import InputError
from ecslm.common.tidy_rows import read_tidy
from ecslm.tidy.records import record_files


def test_a_row_has_the_record_the_answer_and_how_good_it_is(tmp_path: Path) -> None:
    results = write_results(tmp_path / "demo")
    write_records(results, report_settings())
    rows = read_tidy(results / "records.parquet")
    # Record by record, with the answers of models by name.
    assert [(row["id"], row["model"]) for row in rows] == [
        (f"PM-test-{number}", model) for number in range(4) for model in ("Small", "Small-EC")
    ]
    assert rows[1] == {
        **{"study": "demo", "model": "Small-EC", "kind": "untuned", "seed": 42, "task": "PM"},
        **{"setting": IND, "id": "PM-test-0", "sample_id": "sample-0", "options": None},
        "instruction": "Tell whether the products are the same.",
        **{"input": "a lamp and a chair", "reference": "yes", "prediction": "yes"},
        **{"invalid": False, "quality": 1.0, "answer": None, "finish_reason": "stop"},
        "outcome": json.dumps({"tp": 1, "fp": 0, "fn": 0, "tn": 0}),
        **{"prompt_tokens": 1, "generated_tokens": 1},
    }
    assert [row["quality"] for row in rows if row["model"] == "Small-EC"] == [1, 0, 1, 0]
    assert read_tidy(results / "records.parquet", model=["Small"]) == rows[::2]
    (results / "x.parquet").write_bytes(b"x")
    with pytest.raises(InputError, match=r"x\.parquet: is no Parquet file, or is damaged"):
        read_tidy(results / "x.parquet")


def test_every_file_that_is_read_is_an_input_and_a_missing_one_is_named(tmp_path: Path) -> None:
    results = write_results(tmp_path / "demo")
    declared = {results / path for path in record_files(report_settings().context)}
    for path in filter(Path.is_file, results.rglob("*")):
        if path not in declared:
            path.unlink()
    write_records(results, report_settings())
    for path in sorted(declared):
        text = path.read_bytes()
        path.unlink()
        with pytest.raises(InputError, match=f"{path.name}: no such file"):
            write_records(results, report_settings())
        # Answers and outcomes of other records are never put together.
        path.write_bytes(b"".join(text.splitlines(keepends=True)[::2]))
        with pytest.raises(InputError, match="other records than in its outcomes or dataset file"):
            write_records(results, report_settings())
        path.write_bytes(text)
