"""All scores as tidy rows: what they hold, and that their columns are the documented ones."""

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.exported_files import write_adapter_manifest, write_predictions
from support.model_examples import run_here
from support.project import ROOT
from support.table_files import (
    IND,
    OOD,
    TASKS,
    scores,
    write_metrics,
    write_over_seeds,
    write_published,
)

from ecslm.common.errors import InputError
from ecslm.comparisons import results as comparisons
from ecslm.comparisons.results import comparison_frame
from ecslm.tidy import costs, records
from ecslm.tidy.costs import cost_frame
from ecslm.tidy.records import record_table
from ecslm.tidy.scores import COLUMNS, score_files, score_frame
from ecslm.tidy.settings import CostsSettings, RecordsSettings, TidySettings
from ecslm.tidy.study import StudyContext

TUNED = {"kind": "tuned", "base": "Small", "adapter_of": "Small-EC", "seeds": [0, 1]}
MODELS = {"Small-EC": TUNED | {"tasks": ["PM"]}, "Small": {"base": "Small", "tasks": ["SA", "PM"]}}
CONTEXT = {"models": MODELS, "baselines": {"random": ["PM"]}, "tasks": TASKS}
SETTINGS = TidySettings.model_validate({"study": "shop", "context": CONTEXT})
PROTOCOLS = ("strict", "lenient", "released", "released_2024")
# Words of docs/results.md for the types of columns.
TYPES = {"text": "string", "number": "float64", "whole number": "Int64", "true or false": "boolean"}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Scores of a tuned model with two seeds, of an untuned one, and of a baseline."""
    tokens: dict[str, Any] = {IND: [(10, 1), (20, 2)], OOD: [(5, 1)]}
    for seed in (0, 1):
        write_adapter_manifest(tmp_path, "Small-EC", seed)
        value = scores(0.6 + seed / 10)
        write_metrics(tmp_path, "Small-EC", "PM", {OOD: value, IND: value}, seed)
        write_predictions(tmp_path, "Small-EC", "PM", tokens, seed)
    write_over_seeds(tmp_path, "Small-EC", "PM", {IND: 0.7, OOD: 0.7})
    undefined = {"value": 0.0, "defined": False, "ci95": None}
    dropping = {"value": 0.7, "defined": True, "details": {"n_dropped": 150}}
    write_metrics(tmp_path, "Small", "PM", {IND: scores(0.4, strict=undefined)})
    write_metrics(tmp_path, "Small", "SA", {IND: scores(0.3, released=dropping)})
    write_predictions(tmp_path, "Small", "PM", {IND: [(10, 1), (None, 1)]})
    write_predictions(tmp_path, "Small", "SA", {IND: [(10, 0)]})
    expected = {"ci95": None, "details": {"interval": None}}
    without = {"strict": expected, "released": None, "released_2024": None}
    write_metrics(tmp_path, "random", "PM", {IND: scores(0.5, **without)})
    return tmp_path


def rows(results: Path) -> list[dict[str, Any]]:
    """All rows, without what is missing."""
    frame = score_frame(SETTINGS, results, write_published(results))
    return [
        {name: value for name, value in row.items() if not pd.isna(value)}
        for row in frame.to_dict("records")
    ]


def test_there_is_a_row_for_each_model_seed_task_setting_and_protocol(results: Path) -> None:
    key = ("model", "seed", "task", "setting", "protocol")
    # The mean over seeds has none.
    tuned = [("Small-EC", seed, "PM", setting) for seed in (0, 1, None) for setting in (IND, OOD)]
    untuned = [("Small", 0, task, IND) for task in ("PM", "SA")]
    own = [row for row in rows(results) if row["kind"] != "published"]
    assert [tuple(row.get(name) for name in key) for row in own] == [
        *((*one, protocol) for one in (*untuned, *tuned) for protocol in PROTOCOLS),
        # An expected value under the strict protocol alone.
        ("random", 0, "PM", IND, "strict"),
    ]


def test_a_mean_over_seeds_is_missing_where_the_value_of_a_seed_is(results: Path) -> None:
    in_ind = [one for one in rows(results)[8:] if one["setting"] == IND]
    strict, lenient = (one for one in in_ind if "sd" in one if one["protocol"] in PROTOCOLS[:2])
    assert (strict["value"], strict["sd"]) == (pytest.approx(0.65), pytest.approx(0.1 / 2**0.5))
    assert (strict["low"], strict["high"]) == (0.7 - 0.02, 0.7 + 0.02), "of the file over seeds"
    assert strict["source"] == "metrics/Small-EC/over-seeds/PM.json"
    assert (lenient["value"], "low" in lenient) == (pytest.approx(0.66), False)
    undefined = {"value": 0.0, "defined": False, "ci95": None}
    write_metrics(results, "Small-EC", "PM", {IND: scores(0.4, strict=undefined), OOD: scores(0.5)})
    means = [one for one in rows(results) if one.get("source") == strict["source"]]
    found = {one["protocol"] for one in means if one["setting"] == IND and "value" in one}
    assert found == {*PROTOCOLS[1:]}


def test_published_numbers_are_rows_as_they_were_printed(results: Path) -> None:
    found = [one for one in rows(results) if one["kind"] == "published"]
    assert len(found) == 4 * 4, "also where nothing was reported"
    about = {"study": "shop", "kind": "published", "setting": "IND", "source": "study.csv"}
    large = about | {"model": "GPT-4 Turbo", "task": "PM", "metric": "F1"}
    assert found[1] == large | {"protocol": "published", "value": 0.753, "printed": "0.753"}
    doubled = [(one["model"], one["task"]) for one in found if one["protocol"] != "published"]
    assert doubled == [("Small-EC", "AVE")] * 2


def test_a_score_that_is_missing_is_named(results: Path) -> None:
    (results / "metrics/Small-EC/seed-1/PM.json").unlink()
    with pytest.raises(InputError, match=r"metrics/Small-EC/seed-1/PM\.json: no such file"):
        rows(results)


def test_a_row_has_what_its_protocol_knows(results: Path) -> None:
    """An interval is that of the strict score. "Yes." can be read by the strict parser, and not by
    the released scorer, which drops it. What is not defined is missing, and not zero."""
    found = rows(results)
    about = {"study": "shop", "model": "Small-EC", "kind": "tuned", "base": "Small", "seed": 0}
    about |= {"task": "PM", "setting": IND, "metric": "F1", "n": 200, "truncated": 4}
    about |= {"prompt_tokens": 30, "generated_tokens": 3}
    about |= {"training_records": 30, "training_tokens": 4000}
    strict = {"value": 0.6, "low": 0.6 - 0.03, "high": 0.63, "invalid": 10}
    strict |= {"interval_method": "bootstrap", "interval_reliable": True, "details": "{}"}
    strict |= {"distinct": 3, "most_frequent": "no", "most_frequent_count": 60}
    about |= {"source": "metrics/Small-EC/seed-0/PM.json"}
    assert found[8] == about | strict | {"protocol": "strict"}
    assert found[9] == about | {"protocol": "lenient", "value": 0.61, "invalid": 3}
    undefined, *_ = found
    assert not {"value", "low", "interval_reliable", "training_records"} & undefined.keys()
    assert [one.get("invalid") for one in found[4:8]] == [10, 3, 150, None]


def test_tokens_are_counted_by_setting_and_missing_where_one_is_unknown(results: Path) -> None:
    strict = [row for row in rows(results) if row["protocol"] == "strict"]
    assert [(one.get("prompt_tokens"), one.get("generated_tokens")) for one in strict] == [
        *((None, 2), (10, 0), (30, 3), (5, 1), (30, 3), (5, 1), *[(None, None)] * 3)
    ]


def test_every_file_that_is_read_is_an_input(results: Path, tmp_path: Path) -> None:
    declared = {results / name for name in score_files(SETTINGS.context)}
    before = rows(results)
    for path in tmp_path.rglob("*.json*"):
        if path not in declared:
            path.unlink()
    assert rows(results) == before


def test_the_script_writes_both_forms(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [results / name for name in ("scores.csv", "scores.parquet")]
    options = ["--settings", SETTINGS.model_dump_json(), "--results", results]
    options += ["--csv", files[0], "--parquet", files[1], "--published", write_published(results)]
    assert run_here(monkeypatch, "tidy_scores.py", options) == 0
    assert len(files[0].read_text().splitlines()) == 1 + len(rows(results))
    frame = score_frame(SETTINGS, results, write_published(results))
    pd.testing.assert_frame_equal(pd.read_parquet(files[1]), frame)


def test_the_columns_of_tidy_tables_and_their_types_are_those_that_are_documented(
    tmp_path: Path,
) -> None:
    """Also of a study that has none of the rows."""
    text = (ROOT / "docs/results.md").read_text(encoding="utf-8")
    tables = re.findall(r"\| column \| type \| content \|\n\|[-|]+\|\n((?:\|.*\n)+)", text)
    empty, path = TidySettings(study="none", context=StudyContext()), tmp_path / "records.parquet"
    of_records, of_costs = (one(**dict(empty)) for one in (RecordsSettings, CostsSettings))
    path.write_bytes(record_table(of_records, tmp_path))
    frames = (score_frame(empty, tmp_path, None), comparison_frame({}))
    frames += (cost_frame(of_costs, tmp_path), pd.read_parquet(path))
    of_all = (COLUMNS, comparisons.COLUMNS, costs.COLUMNS, records.COLUMNS)
    for table, frame, columns in zip(tables, frames, of_all, strict=True):
        documented = {}
        for line in table.splitlines():
            names, kind, content = (cell.strip() for cell in line.strip("|").split("|", 2))
            assert content, f"{names}: says nothing"
            documented |= dict.fromkeys(re.findall(r"`(\w+)`", names), TYPES[kind])
        assert list(columns.items()) == list(documented.items())
        assert {name: str(kind) for name, kind in frame.dtypes.items()} == columns
