"""The score over seeds: mean, spread, and an interval that resamples records and seeds."""

import json
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.scripts import run_script

from ecslm.scoring.outcomes import Outcomes
from ecslm.scoring.over_seeds import over_seeds
from ecslm.scoring.settings import OverSeedsSettings, ScoringSettings

IND = "IND_Diverse_Instruction"
CELLS = ("tp", "fp", "fn", "tn")


def write(folder: Path, seed: int, outcomes: list[dict[str, Any]]) -> Path:
    """An outcomes file of one setting."""
    path = folder / f"seed-{seed}" / "PM.records.jsonl"
    path.parent.mkdir(parents=True)
    names = [{"id": f"r{n}", "sample_id": f"s{n}"} for n in range(len(outcomes))]
    rows = (
        {**name, "setting": IND, "invalid": False, **outcome}
        for name, outcome in zip(names, outcomes, strict=True)
    )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def cells(*counts: int) -> list[dict[str, Any]]:
    """Records of the 2 x 2 table by their counts."""
    return [
        {name: int(name == cell) for name in CELLS}
        for cell, count in zip(CELLS, counts, strict=True)
        for _ in range(count)
    ]


def strict(seeds: list[list[dict[str, Any]]], name: str = "binary_f1") -> dict[str, Any]:
    """The score over seeds, each with its outcomes."""
    settings = OverSeedsSettings(metric=name, scoring=ScoringSettings(resamples=200))
    outcomes = Outcomes(tuple({f"s{n}": one for n, one in enumerate(seed)} for seed in seeds))
    found = over_seeds({IND: outcomes}, "PM", "Small", range(len(seeds)), settings)
    strict: dict[str, Any] = found.settings[IND].strict.model_dump()
    return strict


def test_the_value_is_the_mean_over_seeds_with_their_standard_deviation() -> None:
    # F1 = 2 tp / (2 tp + fp + fn): 0.5, 0.8 and 2/3.
    counts = (10, 10, 10, 30), (20, 10, 0, 30), (10, 0, 10, 40)
    found = strict([cells(*one) for one in counts])
    by_seed = [0.5, 0.8, 2 / 3]
    assert found["details"]["by_seed"] == pytest.approx(by_seed)
    assert found["value"] == pytest.approx(statistics.fmean(by_seed))
    assert found["sd"] == pytest.approx(statistics.stdev(by_seed))
    assert found["ci95"][0] < found["value"] < found["ci95"][1]


def test_the_interval_covers_the_mean_of_other_records_and_other_seeds() -> None:
    """Three seeds with a true accuracy of 0.7 and a standard deviation of 0.06 between seeds; an
    interval of records alone covers 0.7 in two thirds of the samples."""
    generator = np.random.default_rng(4)
    covered = []
    for _ in range(200):
        chances = 0.7 + 0.06 * generator.normal(size=3)
        # Half of the records are equally hard for all seeds.
        same = generator.random((400, 1)) < 0.5
        hardness = np.where(same, generator.random((400, 1)), generator.random((400, 3)))
        right = hardness < chances
        by_seed = [[{"score": int(hit)} for hit in seed] for seed in right.T]
        low, high = strict(by_seed, "accuracy")["ci95"]
        covered.append(low <= 0.7 <= high)
    assert 0.9 < np.mean(covered) < 1


def test_a_seed_without_a_defined_value_leaves_the_mean_undefined() -> None:
    found = strict([cells(0, 5, 0, 5), cells(0, 0, 0, 10)])
    assert (found["defined"], found["ci95"]) == (False, None)


def test_the_script_writes_the_same_bytes_twice(tmp_path: Path) -> None:
    paths = [write(tmp_path, n, cells(10 + n, 10, 10 - n, 30)) for n in (0, 1)]
    options = ["--task", "PM", "--model", "Small", "--seeds", "0", "1", "--records", *paths]
    options += ["--settings", '{"metric": "binary_f1"}']
    for name in ("one.json", "two.json"):
        run_script("score_over_seeds.py", *options, "--output", tmp_path / name).check_returncode()
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    about = {"task": "PM", "model": "Small", "seeds": [0, 1], "metric": "F1"}
    assert about.items() <= json.loads((tmp_path / "one.json").read_text()).items()
    assert (tmp_path / "one.manifest.json").is_file()
