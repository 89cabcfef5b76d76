"""Comparisons: what is paired with what, the tests that are made, and Holm over a contrast."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from ecslm.comparisons.cells import task_cells
from ecslm.comparisons.comparing import compare
from ecslm.comparisons.results import Comparison
from ecslm.comparisons.settings import CompareSettings
from ecslm.files import InputError
from ecslm.outcomes import Outcomes
from ecslm.statistics.differences import holm, mcnemar_p

ROOT = Path(__file__).resolve().parents[2]
IND, OOD, UNSEEN = (f"{name}_Instruction" for name in ("IND_Diverse", "OOD_Diverse", "IND_Unseen"))
TUNING = {"kind": "models", "pairs": [["EC", "Base"]], "settings": [IND]}
WORDING = {"kind": "settings", "pairs": [[UNSEEN, IND]], "models": ["EC"]}


def settings(**changes: Any) -> CompareSettings:
    models = {name: {"seeds": [0]} for name in ("EC", "Base")}
    default = {"tasks": {"MPC": "accuracy"}, "models": models, "contrasts": {"tuning": TUNING}}
    few = {"resamples": 1_000, "permutations": 999}
    return CompareSettings.model_validate(default | few | changes)


def hits(*seeds: list[float], first: int = 0, field: str = "score") -> Outcomes:
    """Outcomes of samples numbered from `first`, for each seed."""
    return Outcomes(
        tuple({f"s{first + n:04}": {field: hit} for n, hit in enumerate(seed)} for seed in seeds)
    )


def compared(wanted: CompareSettings, **outcomes: dict[str, Outcomes]) -> list[Comparison]:
    (task,) = wanted.tasks
    return compare({task: list(task_cells(task, wanted, outcomes))}, wanted)[task]


def test_two_models_are_compared_on_the_same_samples() -> None:
    right = [1, 1, 1, 1, 1, 1, 1, 0] * 25
    wrong = [1, 1, 0, 0, 0, 0, 1, 1] * 25
    (row,) = compared(settings(), EC={IND: hits(right)}, Base={IND: hits(wrong)})
    assert (row.contrast, row.a, row.b, row.setting, row.model) == (
        "tuning",
        "EC",
        "Base",
        IND,
        None,
    )
    assert (row.paired, row.n, row.n_b, row.unshared) == (True, 200, 200, 0)
    assert (row.value_a, row.value_b) == (0.875, 0.5)
    assert row.difference == pytest.approx(0.375)
    # Two sides of sd sqrt(0.625 - 0.375^2) = 0.696 by record: 1.96 x 0.696 / sqrt(200).
    assert row.ci95 == pytest.approx((0.375 - 0.0965, 0.375 + 0.0965), abs=0.01)
    assert (row.test, row.p) == ("mcnemar", mcnemar_p(100, 25))
    assert row.p_holm == row.p


def test_models_with_several_seeds_are_compared_by_a_randomisation_test_of_their_means() -> None:
    models = {"EC": {"seeds": [0, 1, 2]}, "Base": {"seeds": [0]}}
    generator = np.random.default_rng(0)
    seeds = [[int(hit) for hit in generator.random(300) < 0.7] for _ in range(3)]
    base = [int(hit) for hit in generator.random(300) < 0.5]
    (row,) = compared(settings(models=models), EC={IND: hits(*seeds)}, Base={IND: hits(base)})
    assert row.test == "randomisation"
    assert row.difference == pytest.approx(np.mean(seeds) - np.mean(base))
    assert row.p == 0.001
    # The difference by record is the mean over seeds minus the base.
    spread = np.std(np.mean(seeds, axis=0) - np.array(base)) / np.sqrt(300)
    assert row.ci95[1] - row.ci95[0] == pytest.approx(2 * 1.96 * spread, rel=0.1)


def test_a_metric_of_counts_is_compared_by_its_own_value_and_not_by_means_of_records() -> None:
    def cell(name: str) -> dict[str, int]:
        return {one: int(one == name) for one in ("tp", "fp", "fn", "tn")}

    names = {"EC": ["tp"] * 6 + ["fn"] * 4 + ["tn"] * 10, "Base": ["tp"] * 2 + ["fn"] * 8}
    names["Base"] += ["tn"] * 10
    sides = {
        model: {IND: Outcomes(({f"s{n:02}": cell(one) for n, one in enumerate(own)},))}
        for model, own in names.items()
    }
    (row,) = compared(settings(tasks={"PM": "binary_f1"}), **sides)
    assert (row.value_a, row.value_b) == (0.75, pytest.approx(1 / 3))
    assert row.test == "randomisation"
    assert row.p == pytest.approx(2 / 2**4, abs=0.03)  # four records differ, all to one side


def test_settings_that_share_samples_are_paired_on_those_alone() -> None:
    wanted = settings(contrasts={"wording": WORDING})
    outcomes = {IND: hits([1, 0] * 20), UNSEEN: hits([1, 1] * 20, first=20)}
    (row,) = compared(wanted, EC=outcomes, Base={})
    assert (row.a, row.b, row.setting, row.model) == (UNSEEN, IND, None, "EC")
    assert (row.paired, row.n, row.n_b, row.unshared) == (True, 20, 20, 40)
    assert (row.value_a, row.value_b) == (1, 0.5)
    assert row.p == mcnemar_p(10, 0)


def test_settings_without_a_common_sample_are_compared_unpaired() -> None:
    domain = {"kind": "settings", "pairs": [[OOD, IND]], "models": ["EC"]}
    outcomes = {
        IND: hits([1] * 150 + [0] * 50, field="gain"),
        OOD: hits([1] * 40 + [0] * 60, first=500, field="gain"),
    }
    wanted = settings(tasks={"QPR": "ndcg"}, contrasts={"domain": domain})
    (row,) = compared(wanted, EC=outcomes, Base={})
    assert (row.paired, row.n, row.n_b, row.unshared) == (False, 100, 200, 0)
    assert row.difference == pytest.approx(-0.35)
    half = 1.96 * np.sqrt(0.4 * 0.6 / 100 + 0.75 * 0.25 / 200)
    assert row.ci95 == pytest.approx((-0.35 - half, -0.35 + half), abs=0.02)
    assert (row.test, row.p) == ("bootstrap", 1 / 1001)


def test_equal_sides_drawn_apart_do_not_cancel() -> None:
    domain = {"kind": "settings", "pairs": [[OOD, IND]], "models": ["EC"]}
    outcomes = {IND: hits([1, 0] * 50), OOD: hits([1, 0] * 50, first=500)}
    (row,) = compared(settings(contrasts={"domain": domain}), EC=outcomes, Base={})
    assert row.difference == 0
    assert row.ci95[1] > 0.1


def test_the_same_answers_have_p_one_and_an_interval_that_is_not_empty() -> None:
    same = {IND: hits([1, 0, 1] * 20)}
    (row,) = compared(settings(), EC=same, Base=same)
    assert (row.difference, row.p) == (0, 1)
    assert row.ci95 == (-0.05, 0.05)  # 3 / 60


def test_holm_is_over_all_cells_of_a_contrast_whatever_their_task_and_apart_from_others() -> None:
    both = {"tuning": TUNING, "wording": WORDING}
    wanted = settings(tasks={"MPC": "accuracy", "SR": "hit_rate"}, contrasts=both)
    outcomes = {
        "MPC": {"EC": {IND: hits([1] * 30)}, "Base": {IND: hits([1] * 20 + [0] * 10)}},
        "SR": {
            "EC": {IND: hits([1] * 30), UNSEEN: hits([1] * 26 + [0] * 4)},
            "Base": {IND: hits([1] * 24 + [0] * 6)},
        },
    }
    cells = {task: list(task_cells(task, wanted, own)) for task, own in outcomes.items()}
    found = compare(cells, wanted)
    rows = {(row.contrast, task): row for task, own in found.items() for row in own}
    p_values = [mcnemar_p(10, 0), mcnemar_p(6, 0)]
    adjusted = [rows["tuning", task].p_holm for task in ("MPC", "SR")]
    assert adjusted == pytest.approx(holm(p_values))
    assert rows["wording", "SR"].p_holm == rows["wording", "SR"].p == mcnemar_p(0, 4)
    assert ("wording", "MPC") not in rows


def test_a_model_with_an_example_in_its_prompt_is_compared_on_the_samples_of_its_setting() -> None:
    models = {"EC": {"seeds": [0], "shots": 1}, "Base": {"seeds": [0]}}
    outcomes = {f"{IND}_1-shot": hits([1] * 8)}
    (row,) = compared(settings(models=models), EC=outcomes, Base={IND: hits([0] * 8)})
    assert (row.setting, row.n, row.difference) == (IND, 8, 1)


def test_the_order_of_records_does_not_matter() -> None:
    generator = np.random.default_rng(8)
    one, other = generator.random((2, 60)).tolist()
    wanted = settings(tasks={"QPR": "ndcg"})

    def both(order: list[int]) -> Comparison:
        sides = [
            Outcomes(({f"s{n:02}": {"gain": side[n]} for n in order},)) for side in (one, other)
        ]
        (row,) = compared(wanted, EC={IND: sides[0]}, Base={IND: sides[1]})
        return row

    assert both(list(range(60))) == both(list(reversed(range(60))))


def test_models_without_a_common_sample_are_an_error() -> None:
    with pytest.raises(InputError, match="EC and Base have no sample in common in MPC"):
        compared(settings(), EC={IND: hits([1])}, Base={IND: hits([1], first=5)})


@pytest.mark.parametrize(
    ("contrast", "problem"),
    [
        (TUNING | {"pairs": [["EC", "EC"]]}, "two different names"),
        (TUNING | {"pairs": [["EC", "Base"], ["EC", "Base"]]}, "a pair stands twice"),
        (TUNING | {"pairs": [["EC", "Other"]]}, "not in models: Other"),
        (TUNING | {"pairs": []}, "at least 1 item"),
    ],
)
def test_contrasts_that_compare_nothing_are_refused(contrast: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        settings(contrasts={"tuning": contrast})


def write_outcomes(results: Path, model: str, scores: list[int]) -> None:
    path = results / f"metrics/{model}/seed-0/MPC.records.jsonl"
    path.parent.mkdir(parents=True)
    rows = (
        {"id": f"r{n}", "sample_id": f"s{n}", "setting": IND, "invalid": False, "score": score}
        for n, score in enumerate(scores)
    )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def run(results: Path, value: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "scripts/compare.py", "--results", str(results)]
    return subprocess.run(
        [*command, "--settings", value], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_the_script_writes_the_same_bytes_twice_and_says_what_they_were_made_from(
    tmp_path: Path,
) -> None:
    write_outcomes(tmp_path, "EC", [1, 1, 1, 0])
    write_outcomes(tmp_path, "Base", [1, 0, 0, 0])
    value = settings().model_dump_json()
    path = tmp_path / "comparisons/MPC.json"
    assert run(tmp_path, value).returncode == 0
    first = path.read_bytes()
    assert run(tmp_path, value).returncode == 0
    assert path.read_bytes() == first
    (row,) = json.loads(first)
    assert {"contrast", "a", "b", "setting", "n", "difference", "ci95", "p", "p_holm"} <= set(row)
    manifest = json.loads((tmp_path / "comparisons/manifest.json").read_text())
    assert list(manifest["files"]) == ["MPC.json"]
    assert len(manifest["inputs"]) == 2


def test_the_script_says_which_file_is_missing(tmp_path: Path) -> None:
    write_outcomes(tmp_path, "EC", [1])
    made = run(tmp_path, settings().model_dump_json())
    assert made.returncode == 1
    assert made.stderr.endswith("metrics/Base/seed-0/MPC.records.jsonl: no such file\n")
    assert made.stderr.count("\n") == 1
