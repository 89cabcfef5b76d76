"""Outcomes read back: by setting and sample, for each seed, with one line for each problem."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecslm.common.errors import InputError
from ecslm.scoring.metrics.protocol import metric
from ecslm.scoring.outcomes import mean_values, read_outcomes, seed_values

IND, OOD = "IND_Diverse_Instruction", "OOD_Diverse_Instruction"


def row(sample: str, setting: str = IND, **outcome: Any) -> dict[str, Any]:
    names = {"id": f"{sample}-{setting}", "sample_id": sample, "setting": setting}
    return {**names, "invalid": False, **(outcome or {"score": 1})}


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    return path


def test_outcomes_are_grouped_by_setting_and_aligned_by_sample_over_seeds(tmp_path: Path) -> None:
    rows = [row("b", score=1), row("a", score=0), row("a", OOD, score=1)]
    one = write(tmp_path / "0/MPC.records.jsonl", *rows)
    other = write(tmp_path / "1/MPC.records.jsonl", row("a", OOD), row("a"), row("b", score=0))
    found = read_outcomes([one, other], metric("accuracy"))
    assert list(found) == [IND, OOD]
    assert found[IND].samples == ["a", "b"]
    sums = found[IND].sums(metric("accuracy"), ["b", "a"])
    assert sums.tolist() == [[1, 1, 0, 1], [0, 1, 1, 1]]


def test_values_are_those_of_each_seed_and_their_mean() -> None:
    measure = metric("binary_f1")
    # tp, fp, fn, tn of two seeds: F1 of 0.5, and undefined, which counts as 0.
    totals = np.array([1.0, 1, 1, 7, 0, 0, 0, 10])
    assert seed_values(measure, totals, 2).tolist() == [0.5, 0]
    assert mean_values(measure, totals, 2) == 0.25
    assert mean_values(measure, np.stack([totals, totals]), 2).shape == (2,)


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([row("a"), row("a")], "line 2: sample_id: 'a' is already on line 1"),
        ([row("a"), row("b", gain=1)], "line 2: not an outcome of accuracy"),
        ([row("a", score="1")], "line 1: not an outcome of accuracy"),
        ([row(name, score=2) for name in "abcdef"], "3 more lines have the problem of line 3"),
        ([], "no outcomes"),
    ],
)
def test_rows_that_cannot_be_used_are_named(
    tmp_path: Path, rows: list[dict[str, Any]], problem: str
) -> None:
    path = write(tmp_path / "MPC.records.jsonl", *rows)
    with pytest.raises(InputError, match=problem):
        read_outcomes([path], metric("accuracy"))


def test_an_altered_file_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "MPC.records.jsonl", row("a"))
    manifest = {"inputs": {}, "settings": {}, "code": None, "versions": {}}
    (tmp_path / "MPC.manifest.json").write_text(
        json.dumps(manifest | {"files": {path.name: "0" * 64}})
    )
    with pytest.raises(InputError, match="altered"):
        read_outcomes([path], metric("accuracy"))


def of_class(sample: str, *names: str) -> dict[str, Any]:
    return row(sample, tp=dict.fromkeys(names, 1), fp={}, fn={})


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([of_class("a", "A")], "other samples or settings than"),
        ([of_class("a", "A"), of_class("b", "B")], "other references than"),
        ([of_class("a"), of_class("b", "A")], "not an outcome of macro-F1"),
    ],
)
def test_seeds_that_do_not_fit_together_are_refused(
    tmp_path: Path, rows: list[dict[str, Any]], problem: str
) -> None:
    one = write(tmp_path / "0/SA.records.jsonl", of_class("a", "A"), of_class("b", "A"))
    other = write(tmp_path / "1/SA.records.jsonl", *rows)
    with pytest.raises(InputError, match=problem):
        read_outcomes([one, other], metric("macro_f1"))
