"""Comparisons: what is paired with what, the tests that are made, and Holm over a contrast."""

import json
import subprocess
from itertools import product
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from support.scoring_examples import outcomes_of
from support.scripts import run_script

from ecslm.common.errors import InputError
from ecslm.common.files import write_jsonl
from ecslm.common.tidy_rows import read_tidy
from ecslm.comparisons import testing
from ecslm.comparisons.proportions import PairedTable, newcombe_interval
from ecslm.comparisons.proportions import mcnemar_p as mcnemar_p_of_table
from ecslm.comparisons.randomisation import monte_carlo_p
from ecslm.comparisons.randomisation import slopes as derivatives
from ecslm.comparisons.results import Difference, adjusted, holm
from ecslm.comparisons.settings import DifferencesSettings
from ecslm.comparisons.testing import differences
from ecslm.schemas.metrics_file import SimpleBaselines
from ecslm.scoring.intervals import wilson_interval
from ecslm.scoring.metrics.protocol import metric
from ecslm.scoring.outcomes import Outcomes

IND, OOD, UNSEEN = (f"{name}_Instruction" for name in ("IND_Diverse", "OOD_Diverse", "IND_Unseen"))
TUNING = {"kind": "models", "pairs": [["EC", "Base"]], "settings": [IND]}
WORDING = {"kind": "settings", "pairs": [[UNSEEN, IND]], "models": ["EC"]}
DOMAIN = {"kind": "settings", "pairs": [[OOD, IND]], "models": ["EC"]}
THREE = {"EC": {"seeds": [0, 1, 2]}, "Base": {"seeds": [0]}}
TWO_AND_THREE = {"EC": {"seeds": [0, 1]}, "Base": {"seeds": [0, 1, 2]}}


def settings(**changes: Any) -> DifferencesSettings:
    models = {name: {"seeds": [0]} for name in ("EC", "Base")}
    default = {"metric": "accuracy", "models": models, "contrasts": {"tuning": TUNING}}
    few = {"resamples": 1_000, "permutations": 999}
    return DifferencesSettings.model_validate(default | few | changes)


def hits(*seeds: list[float], first: int = 0, field: str = "score") -> Outcomes:
    return outcomes_of(*([{field: hit} for hit in seed] for seed in seeds), first=first)


def mcnemar_p(first_only: int, second_only: int) -> float:
    return mcnemar_p_of_table(PairedTable(0, first_only, second_only, 0))


def in_ind(wanted: DifferencesSettings, first: Outcomes, second: Outcomes) -> Difference:
    """The difference of the two models of a contrast in one setting."""
    (pair,) = wanted.contrasts["tuning"].pairs
    (row,) = differences(wanted, dict(zip(pair, ({IND: first}, {IND: second}), strict=True)))
    return row


def test_two_models_are_compared_on_the_same_samples() -> None:
    first, second = hits([1, 1, 1, 1, 1, 1, 1, 0] * 25), hits([1, 1, 0, 0, 0, 0, 1, 1] * 25)
    row = in_ind(settings(), first, second)
    about = (row.contrast, row.a, row.b, row.setting, row.model, row.best_simple)
    assert about == ("tuning", "EC", "Base", IND, None, False)
    assert (row.paired, row.n, row.n_b, row.unshared) == (True, 200, 200, 0)
    assert (row.value_a, row.value_b) == (0.875, 0.5)
    assert row.difference == pytest.approx(0.375)
    # Two sides of sd sqrt(0.625 - 0.375^2) = 0.696 by record: 1.96 x 0.696 / sqrt(200).
    assert row.ci95 == pytest.approx((0.375 - 0.0965, 0.375 + 0.0965), abs=0.01)
    assert (row.test, row.p, row.deciding) == ("mcnemar", mcnemar_p(100, 25), 125)


def test_models_with_several_seeds_are_compared_by_a_randomisation_test_of_their_means() -> None:
    generator = np.random.default_rng(0)
    seeds = [[int(hit) for hit in generator.random(300) < 0.7] for _ in range(3)]
    base = [int(hit) for hit in generator.random(300) < 0.5]
    row = in_ind(settings(models=THREE), hits(*seeds), hits(base))
    assert (row.test, row.p_interval) == ("randomisation", None)
    assert row.difference == pytest.approx(np.mean(seeds) - np.mean(base))
    # The difference by record is the mean over seeds minus the base.
    by_record = np.mean(seeds, axis=0) - np.array(base)
    z = by_record.sum() / np.sqrt(np.square(by_record).sum())
    assert row.p == pytest.approx(2 * NormalDist().cdf(-z), rel=0.2)
    spread = np.std(by_record) / np.sqrt(300)
    assert row.ci95[1] - row.ci95[0] == pytest.approx(2 * 1.96 * spread, rel=0.1)


def test_few_records_of_a_class_do_not_hide_a_difference_in_which_all_records_agree() -> None:
    references = "A" * 32 + "B" * 4 + "C" * 4
    first, second = (of_choices(references, x) for x in (references, "B" * 32 + "C" * 4 + "CCCA"))
    row = in_ind(settings(metric="macro_f1"), first, second)
    assert (row.test, row.deciding, row.reliable) == ("randomisation_mcnemar", 4, False)
    assert row.sound and row.p < 1e-9
    # Right answers on the other side undo a difference.
    cautious = of_cells(["tp"] * 2 + ["fn"] * 6 + ["tn"] * 52)
    lavish = of_cells(["tp"] * 8 + ["fp"] * 20 + ["tn"] * 32)
    row = in_ind(settings(metric="binary_f1"), lavish, cautious)
    assert row.difference > 0 and row.p == 1


def test_settings_that_share_samples_are_paired_on_those_alone() -> None:
    wanted = settings(contrasts={"wording": WORDING})
    outcomes = {IND: hits([1, 0] * 20), UNSEEN: hits([1, 1] * 20, first=20)}
    (row,) = differences(wanted, {"EC": outcomes, "Base": {}})
    assert (row.a, row.b, row.setting, row.model) == (UNSEEN, IND, None, "EC")
    assert (row.paired, row.n, row.n_b, row.unshared) == (True, 20, 20, 40)
    assert (row.value_a, row.value_b) == (1, 0.5)
    assert row.p == mcnemar_p(10, 0)


GENERATOR = np.random.default_rng(1)


@pytest.mark.parametrize(
    ("metric_name", "ind", "ood", "wanted"),
    [
        ("ndcg", [1] * 150 + [0] * 50, [1] * 40 + [0] * 60, ("bootstrap", 1 / 1001, True)),
        # Wilson's intervals of both.
        ("accuracy", [1] * 60, [1] * 70 + [0] * 30, ("newcombe", pytest.approx(0, abs=1e-3), True)),
        # The spread of one can hide that the other has none.
        ("ndcg", GENERATOR.random(1_000).tolist(), [1.0] * 200, ("bootstrap", 1 / 1001, False)),
    ],
)
def test_settings_without_a_common_sample_are_compared_unpaired(
    metric_name: str, ind: list[float], ood: list[float], wanted: tuple[Any, ...]
) -> None:
    field = "score" if metric_name == "accuracy" else "gain"
    outcomes = {IND: hits(ind, field=field), OOD: hits(ood, first=5_000, field=field)}
    chosen = settings(metric=metric_name, contrasts={"domain": DOMAIN})
    (row,) = differences(chosen, {"EC": outcomes, "Base": {}})
    assert (row.test, row.p, row.reliable) == wanted
    assert (row.paired, row.n, row.n_b, row.unshared) == (False, len(ood), len(ind), 0)
    difference = float(np.mean(ood) - np.mean(ind))
    assert row.difference == pytest.approx(difference)
    if row.sound and row.test == "bootstrap":
        half = 1.96 * np.sqrt(np.var(ood) / len(ood) + np.var(ind) / len(ind))
        assert row.ci95 == pytest.approx((difference - half, difference + half), abs=0.02)
    if row.test == "newcombe":
        wilson = wilson_interval(70, 100, 0.95), wilson_interval(60, 60, 0.95)
        assert row.ci95 == newcombe_interval((0.7, 1.0), wilson)


def test_equal_sides_are_drawn_apart_and_a_few_samples_in_common_make_no_pairing() -> None:
    same = (hits([1, 0] * 50, first=first, field="gain") for first in (0, 99))
    outcomes = dict(zip((IND, OOD), same, strict=True))
    (row,) = differences(
        settings(metric="ndcg", contrasts={"domain": DOMAIN}), {"EC": outcomes, "Base": {}}
    )
    assert (row.paired, row.n, row.n_b, row.difference) == (False, 100, 100, 0)
    assert row.ci95[1] > 0.1


def cell(name: str) -> dict[str, int]:
    return {one: int(one == name) for one in ("tp", "fp", "fn", "tn")}


def of_cells(*seeds: list[str]) -> Outcomes:
    return outcomes_of(*(map(cell, seed) for seed in seeds))


def test_a_side_without_a_defined_score_is_not_compared_and_is_in_no_family() -> None:
    never = of_cells(["tn"] * 4), of_cells(["fp", "tn", "tn", "tn"])
    undefined = in_ind(settings(metric="binary_f1"), *never)
    assert (undefined.value_a, undefined.value_b) == (None, 0)
    assert (undefined.difference, undefined.ci95, undefined.p) == (None, None, None)
    defined = in_ind(settings(), hits([1] * 9), hits([0] * 9))
    found = adjusted({"PM": [undefined], "MPC": [defined]})
    assert found["PM"][0].p_holm is None
    assert (found["MPC"][0].p_holm, found["MPC"][0].family) == (found["MPC"][0].p, 1)


def of_choices(references: str, *seeds: str) -> Outcomes:
    def choice(right: str, given: str) -> dict[str, Any]:
        wrong = {"fp": {given: 1}, "fn": {right: 1}} if right != given else {"fp": {}, "fn": {}}
        return {"tp": {right: 1} if right == given else {}, **wrong}

    return outcomes_of(*(map(choice, references, seed) for seed in seeds))


def by_seed(side: Outcomes, name: str) -> list[np.ndarray]:
    """The terms of its records for each seed."""
    return np.split(side.sums(metric(name), side.samples), len(side.seeds), axis=1)


def exact_p(first: Outcomes, second: Outcomes, name: str) -> float:
    """The share of all exchanges of records, in all pairs of seeds at once, at least as extreme."""
    measure = metric(name)
    ones, others = (by_seed(side, name) for side in (first, second))

    def studentised(exchanged: tuple[bool, ...]) -> float:
        swap, differences, influence = np.array(exchanged)[:, None], [], np.zeros(len(exchanged))
        for one, other in product(ones, others):
            sides = np.where(swap, other, one), np.where(swap, one, other)
            values = [float(measure.values(side.sum(axis=0))) for side in sides]
            differences.append(values[0] - values[1])
            slopes = [derivatives(measure, side.sum(axis=0), 1) for side in sides]
            influence += sides[0] @ slopes[0] - sides[1] @ slopes[1]
        # The pairs of seeds in numerator and error cancel.
        return abs(sum(differences)) / float(np.sqrt(np.square(influence).sum()))

    records = len(first.samples)
    observed = studentised((False,) * records)
    exchanges = product([False, True], repeat=records)
    return float(np.mean([studentised(one) >= observed - 1e-9 for one in exchanges]))


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        (
            "macro_f1",
            of_choices("AABBCC", "AABBCA", "AABBCC"),
            of_choices("AABBCC", "ABBACC", "BABBAC", "AACBCB"),
        ),
        (
            "accuracy",
            hits([1, 1, 0, 1, 1, 0, 1, 1], [1, 0, 0, 1, 1, 1, 1, 1]),
            hits([0, 1, 0, 0, 1, 0, 1, 0], [0, 1, 0, 0, 0, 1, 1, 1], [1, 0, 1, 0, 0, 0, 1, 0]),
        ),
        (
            "binary_f1",
            of_cells(["tp", "tp", "fn", "tn", "tn", "tp", "fp"]),
            of_cells(["fn", "tp", "tp", "fp", "tn", "fn", "tn"]),
        ),
    ],
)
def test_one_or_several_seeds_have_the_exact_p(
    name: str, first: Outcomes, second: Outcomes, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The randomisation test alone, with as few records of a class as can be enumerated.
    monkeypatch.setattr(testing, "RELIABLE_RECORDS_OF_RAREST_CLASS", 1)
    row = in_ind(settings(metric=name, models=TWO_AND_THREE), first, second)
    values = [
        [metric(name).values(sums.sum(axis=0)) for sums in by_seed(side, name)]
        for side in (first, second)
    ]
    means = [*map(np.mean, values)]
    assert (row.value_a, row.value_b) == tuple(map(pytest.approx, means))
    assert row.seeds == tuple(map(len, values))
    assert row.difference == pytest.approx(means[0] - means[1])
    assert row.p == pytest.approx(exact_p(first, second, name))


def test_what_cannot_be_paired_is_an_error() -> None:
    with pytest.raises(InputError, match="EC and Base have other references for the samples that"):
        in_ind(settings(metric="macro_f1"), of_choices("AABB", "AABB"), of_choices("AABC", "AABB"))
    with pytest.raises(InputError, match="tuning: EC and Base share under 10% of their samples in"):
        in_ind(settings(), hits([1]), hits([1], first=5))


def test_the_same_answers_have_p_one_and_an_interval_that_is_not_empty() -> None:
    same = hits([1, 0, 1] * 20)
    row = in_ind(settings(), same, same)
    assert (row.difference, row.p, row.deciding, row.reliable) == (0, 1, 0, False)
    low, high = row.ci95
    assert -0.15 < low < 0 < high < 0.15


def test_holm_is_over_all_cells_of_a_contrast_whatever_their_task_and_apart_from_others() -> None:
    wanted = settings(contrasts={"tuning": TUNING, "wording": WORDING})
    right, base = hits([1] * 30), hits([1] * 20 + [0] * 10)
    one = differences(wanted, {"EC": {IND: right}, "Base": {IND: base}})
    both = {IND: right, UNSEEN: hits([1] * 26 + [0] * 4)}
    other = differences(wanted, {"EC": both, "Base": {IND: hits([1] * 24 + [0] * 6)}})
    found = adjusted({"MPC": one, "SR": other})
    assert [(row.contrast, row.p) for row in found["SR"]] == [
        ("tuning", mcnemar_p(6, 0)),
        ("wording", mcnemar_p(0, 4)),
    ]
    tuning = [found["MPC"][0].p_holm, found["SR"][0].p_holm]
    assert tuning == holm([mcnemar_p(10, 0), mcnemar_p(6, 0)])
    assert found["SR"][1].p_holm == found["SR"][1].p


def test_holm_known_values() -> None:
    # 0.01 x 4, 0.02 x 3, 0.03 x 2, and 0.04 raised to the step before it.
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([0.2]) == [0.2]
    assert holm([]) == []


def test_the_interval_of_an_adjusted_p_ends_where_all_p_end() -> None:
    row = in_ind(settings(), hits([1] * 9), hits([0] * 9))
    drawn = [monte_carlo_p(extreme, 99) for extreme in (0, 3, 40)]
    rows = [
        row.model_copy(update={"p": one.value, "p_interval": one.interval}) for one in drawn
    ] + [row.model_copy(update={"contrast": "wording"})]
    *found, exact = adjusted({"MPC": rows})["MPC"]
    ends = zip(*(holm([one.interval[side] for one in drawn]) for side in (0, 1)), strict=True)
    assert [one.p_holm_interval for one in found] == [*ends]
    assert exact.p_holm_interval is None


def test_a_model_with_an_example_in_its_prompt_is_compared_on_the_samples_of_its_setting() -> None:
    models = {"EC": {"seeds": [0], "shots": 1}, "Base": {"seeds": [0]}}
    outcomes = {f"{IND}_1-shot": hits([1] * 8)}
    (row,) = differences(settings(models=models), {"EC": outcomes, "Base": {IND: hits([0] * 8)}})
    assert (row.setting, row.n, row.difference) == (IND, 8, 1)


@pytest.mark.parametrize(
    ("contrast", "problem"),
    [
        (TUNING | {"pairs": [["EC", "EC"]]}, "two different names, only the second"),
        (TUNING | {"pairs": [["EC", "Base"], ["Base", "EC"]]}, "a pair is listed twice"),
        (TUNING | {"settings": [IND, IND]}, f"`{IND}` is listed twice"),
        (TUNING | {"pairs": [["best simple", "EC"]]}, "two different names, only the second"),
    ],
)
def test_contrasts_that_compare_nothing_are_refused(contrast: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        settings(contrasts={"tuning": contrast})


SIMPLE = TUNING | {"pairs": [["EC", "best simple"], ["Base", "best simple"]]}


def test_the_best_simple_baseline_is_compared_by_its_own_name_and_not_with_itself() -> None:
    wanted = settings(contrasts={"simple": SIMPLE})
    outcomes = {"EC": {IND: hits([1] * 30)}, "Base": {IND: hits([1, 0, 1] * 10)}}
    (row,) = differences(wanted, outcomes, "Base")
    assert (row.a, row.b, row.best_simple) == ("EC", "Base", True)
    assert row.p == mcnemar_p(10, 0)
    assert not differences(wanted, outcomes)


def test_an_expected_score_is_tested_without_exchanging_outcomes() -> None:
    models = {name: {"seeds": [0]} for name in ("EC", "random")}
    contrasts = {"tuning": TUNING | {"pairs": [["EC", "random"]]}}
    wanted = settings(metric="ndcg", resamples=200, models=models, contrasts=contrasts)
    generator = np.random.default_rng(11)
    guessed = hits([0.25] * 200, field="gain")

    def row_of(mean: float) -> Difference:
        gains = generator.beta(2, 2 / mean - 2, size=200).tolist()
        return in_ind(wanted, hits(gains, field="gain"), guessed)

    better = row_of(0.5)
    assert (better.test, better.sound, better.p) == ("expected", True, pytest.approx(1 / 201))
    assert better.ci95[0] > 0.1
    rejected = [row_of(0.25).p <= 0.05 for _ in range(300)]
    assert 0.02 < np.mean(rejected) < 0.09


def write_outcomes(results: Path, model: str, scores: list[int]) -> None:
    path = results / f"metrics/{model}/seed-0/MPC.records.jsonl"
    names = {"setting": IND, "invalid": False}
    rows = ({"id": f"r{n}", "sample_id": f"s{n}", "score": x} for n, x in enumerate(scores))
    write_jsonl(path, [row | names for row in rows])


def run_differences(results: Path, **changes: Any) -> subprocess.CompletedProcess[str]:
    where = ["--task", "MPC", "--results", str(results)]
    output = ["--output", str(results / "differences/MPC.json")]
    value = settings(**changes).model_dump_json()
    return run_script("differences.py", *where, *output, "--settings", value)


def test_the_scripts_write_the_same_bytes_twice_and_read_which_baseline_is_the_best(
    tmp_path: Path,
) -> None:
    write_outcomes(tmp_path, "EC", [1, 1, 1, 0])
    write_outcomes(tmp_path, "Base", [1, 0, 0, 0])
    path, chosen = tmp_path / "comparisons.parquet", tmp_path / "simple_baselines/MPC.json"
    chosen.parent.mkdir()
    contrasts = {"simple": TUNING | {"pairs": [["EC", "best simple"]]}}
    written = []
    for best in ("Base", "Base", "Other"):
        found = SimpleBaselines(task="MPC", metric="accuracy", n=9, scores={best: 0.5}, best=best)
        chosen.write_text(found.model_dump_json())
        made = run_differences(tmp_path, contrasts=contrasts)
        assert made.returncode == (best == "Other"), made.stderr
        done = ["--differences", str(tmp_path / "differences/MPC.json")]
        assert run_script("compare.py", *done, "--output", str(path)).returncode == 0
        written.append(path.read_bytes())
    assert len(set(written)) == 1
    assert made.stderr == (
        f"error: {chosen}: best: Other is not in `models` of --settings: add it\n"
    )
    (row,) = read_tidy(path)
    assert (row["task"], row["b"], row["best_simple"]) == ("MPC", "Base", True)
    assert {"contrast", "a", "setting", "n", "difference", "low", "p", "p_holm"} <= set(row)
    of_differences = json.loads((tmp_path / "differences/MPC.manifest.json").read_text())
    assert len(of_differences["inputs"]) == 3 and str(chosen) in of_differences["inputs"]


def test_a_comparison_says_how_often_both_give_the_same_answer_and_how_often_by_chance() -> None:
    def answering(*seeds: str) -> Outcomes:
        return outcomes_of(*([{"score": 1, "answer": one} for one in seed] for seed in seeds))

    base = answering("ABBB")
    row = in_ind(settings(), answering("AABB"), base)
    assert (row.agreement, row.agreement_by_chance) == (0.75, (2 * 1 + 2 * 3) / 16)
    # A constant agrees as often as by chance; the mean over pairs of seeds.
    two = settings(models={"EC": {"seeds": [0, 1]}, "Base": {"seeds": [0]}})
    row = in_ind(two, answering("BBBB", "AABB"), base)
    assert (row.agreement, row.agreement_by_chance) == (0.75, (0.75 + 0.5) / 2)
