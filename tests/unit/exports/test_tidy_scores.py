"""All scores as tidy rows: what they hold, and that their columns are the documented ones."""

import io
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.exported_files import write_adapter_manifest, write_predictions
from support.model_examples import run_here
from support.project import ROOT
from support.table_files import IND, OOD, scores, write_metrics

from ecslm.common.errors import InputError
from ecslm.exports.score_rows import ScoreRow, ScoreRowsSettings, score_files
from ecslm.exports.tidy_scores import (
    as_csv,
    as_parquet,
    column_types,
    score_frame,
    score_rows,
)

SETTINGS = ScoreRowsSettings.model_validate(
    {
        "study": "shop",
        "models": {
            "Small-EC": {
                "kind": "tuned",
                "base": "Small",
                "adapter": "Small-EC",
                "seeds": [0, 1],
                "tasks": ["PM"],
            },
            "Small": {
                "kind": "untuned",
                "base": "Small",
                "adapter": None,
                "seeds": [0],
                "tasks": ["SA", "PM"],
            },
        },
        "baselines": {"random": ["PM"]},
    }
)
KEY = ("Small", "PM")
# Words of docs/results.md for the types of columns.
TYPES = {"text": "string", "number": "float64", "whole number": "Int64", "true or false": "boolean"}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Scores of a tuned model with two seeds, of an untuned one, and of a baseline."""
    for seed in (0, 1):
        write_adapter_manifest(tmp_path, "Small-EC", seed)
        value = 0.6 + seed / 10
        write_metrics(tmp_path, "Small-EC", "PM", {OOD: scores(value), IND: scores(value)}, seed)
        write_predictions(
            tmp_path, "Small-EC", "PM", {IND: [(10, 1), (20, 2)], OOD: [(5, 1)]}, seed
        )
    undefined = {"value": 0.0, "defined": False, "ci95": None}
    write_metrics(tmp_path, "Small", "PM", {IND: scores(0.4, strict=undefined)})
    write_metrics(tmp_path, "Small", "SA", {IND: scores(0.3)})
    write_predictions(tmp_path, "Small", "PM", {IND: [(10, 1), (None, 1)]})
    write_predictions(tmp_path, "Small", "SA", {IND: [(10, 0)]})
    details = {"interval": None}
    expected = {"ci95": None, "details": details}
    write_metrics(
        tmp_path,
        "random",
        "PM",
        {IND: scores(0.5, strict=expected, released=None, released_2024=None)},
    )
    return tmp_path


def rows(results: Path) -> list[ScoreRow]:
    return list(score_rows(SETTINGS, results))


def test_there_is_a_row_for_each_model_seed_task_setting_and_protocol(results: Path) -> None:
    keys = [(r.model, r.seed, r.task, r.setting, r.protocol) for r in rows(results)]
    protocols = ("strict", "lenient", "released", "released_2024")
    assert keys == [
        *(("Small", 0, task, IND, one) for task in ("PM", "SA") for one in protocols),
        *(
            ("Small-EC", seed, "PM", setting, one)
            for seed in (0, 1)
            for setting in (IND, OOD)
            for one in protocols
        ),
        # An expected value under the strict protocol alone.
        ("random", 0, "PM", IND, "strict"),
    ]


def test_the_interval_is_that_of_the_strict_score(results: Path) -> None:
    strict, lenient = rows(results)[8:10]
    assert (strict.value, strict.low, strict.high) == (0.6, 0.6 - 0.03, 0.6 + 0.03)
    assert (strict.interval_method, strict.interval_reliable) == ("bootstrap", True)
    assert (strict.n, strict.invalid, strict.truncated) == (200, 10, 4)
    assert (lenient.value, lenient.low, lenient.interval_method) == (0.61, None, None)
    assert lenient.invalid == 3


def test_the_invalid_answers_of_a_released_score_are_those_that_its_scorer_drops(
    results: Path,
) -> None:
    """ "Yes." can be read by the strict parser, and not by that scorer."""
    dropping = {"value": 0.7, "defined": True, "details": {"n_dropped": 150}}
    write_metrics(results, "Small", "PM", {IND: scores(0.4, released=dropping)})
    found = {one.protocol: one.invalid for one in rows(results) if (one.model, one.task) == KEY}
    assert found == {"strict": 10, "lenient": 3, "released": 150, "released_2024": None}


def test_a_value_that_is_not_defined_is_missing_and_not_zero(results: Path) -> None:
    first = rows(results)[0]
    assert (first.value, first.low, first.interval_reliable) == (None, None, None)


def test_tokens_are_counted_by_setting_and_missing_where_one_is_unknown(results: Path) -> None:
    found = {(r.model, r.task, r.setting): r for r in rows(results) if r.protocol == "strict"}
    counts = {key: (row.prompt_tokens, row.generated_tokens) for key, row in found.items()}
    assert counts == {
        ("Small", "PM", IND): (None, 2),
        ("Small", "SA", IND): (10, 0),
        ("Small-EC", "PM", IND): (30, 3),
        ("Small-EC", "PM", OOD): (5, 1),
        ("random", "PM", IND): (None, None),
    }
    tuned = found["Small-EC", "PM", IND]
    assert (tuned.training_records, tuned.training_tokens) == (30, 4000)
    assert found["Small", "PM", IND].training_records is None


def test_every_file_that_is_read_is_an_input(results: Path) -> None:
    for name in score_files(SETTINGS):
        path = results / name
        content = path.read_bytes()
        path.unlink()
        with pytest.raises((InputError, FileNotFoundError)):
            rows(results)
        path.write_bytes(content)
    rows(results)


def documented() -> dict[str, str]:
    """The columns in the documentation, and their types as pandas calls them."""
    text = (ROOT / "docs/results.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"\| column \| type \| content \|\n\|[-|]+\|\n((?:\|.*\n)+)", text)
    found = {}
    for line in table.splitlines():
        names, kind, content = (cell.strip() for cell in line.strip("|").split("|", 2))
        assert content, f"{names}: says nothing"
        found |= dict.fromkeys(re.findall(r"`(\w+)`", names), TYPES[kind])
    return found


def test_the_columns_and_their_types_are_those_that_are_documented(results: Path) -> None:
    frame = score_frame(rows(results))
    found = {name: str(kind) for name, kind in frame.dtypes.items()}
    assert list(found.items()) == list(documented().items())
    read = pd.read_parquet(io.BytesIO(as_parquet(frame)))
    assert {name: str(kind) for name, kind in read.dtypes.items()} == documented()


def test_a_study_without_scores_has_the_same_columns() -> None:
    assert list(score_frame([]).dtypes.astype(str).items()) == list(documented().items())


NAMES = st.text(st.characters(categories=["L", "N", "P"]), min_size=1)
TEXTS = ("study", "model", "base", "task", "setting", "metric", "interval_method")
COUNTS = ("seed", "n")
MAY_BE_MISSING = ("invalid", "truncated", "prompt_tokens", "generated_tokens", "training_records")
ROWS = st.builds(
    ScoreRow,
    value=st.none() | st.floats(0, 1),
    low=st.none() | st.floats(0, 1),
    high=st.none() | st.floats(0, 1),
    training_tokens=st.none() | st.integers(0, 10**15),
    mcc=st.none() | st.floats(-1, 1),
    **dict.fromkeys(TEXTS, NAMES),
    **dict.fromkeys(COUNTS, st.integers(0, 10**9)),
    **dict.fromkeys(MAY_BE_MISSING, st.none() | st.integers(0, 10**9)),
)


@settings(max_examples=30)
@given(st.lists(ROWS, max_size=5))
def test_both_files_hold_every_value_exactly(some: list[ScoreRow]) -> None:
    frame = score_frame(some)
    text = pd.read_csv(
        io.StringIO(as_csv(frame)),
        dtype=column_types(),
        keep_default_na=False,
        na_values=[""],
    )
    for read in (pd.read_parquet(io.BytesIO(as_parquet(frame))), text):
        pd.testing.assert_frame_equal(read, frame, check_exact=True)


def test_the_script_writes_the_same_bytes_each_time(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made() -> list[bytes]:
        files: list[Any] = [results / name for name in ("scores.csv", "scores.parquet")]
        options = ["--settings", SETTINGS.model_dump_json(), "--results", results]
        options += ["--csv", files[0], "--parquet", files[1]]
        assert run_here(monkeypatch, "tidy_scores.py", options) == 0
        return [path.read_bytes() for path in (*files, results / "scores.manifest.json")]

    first = made()
    assert made() == first
    assert len(first[0].splitlines()) == 1 + len(rows(results))
