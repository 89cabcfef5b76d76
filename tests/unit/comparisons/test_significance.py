"""Tests of differences: known values, exact enumeration, size under the null, Holm."""

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import permutation_test

from ecslm.comparisons.significance import (
    Statistic,
    centred_bootstrap_p,
    holm,
    mcnemar_p,
    newcombe_interval,
    newcombe_p,
    randomisation_p,
)
from ecslm.scoring.intervals import bootstrap_values, wilson_interval
from ecslm.scoring.metrics import binary_f1, mean


def mean_sums(values: np.ndarray) -> np.ndarray:
    return np.stack([values, np.ones_like(values)], axis=1)


MEAN = Statistic(mean.values, mean.gradient)
F1 = Statistic(lambda totals: np.nan_to_num(binary_f1.values(totals)), binary_f1.gradient)


def mean_difference(first: np.ndarray, second: np.ndarray) -> float:
    return float(mean.values(first) - mean.values(second))


def studentised_f1(first: np.ndarray, second: np.ndarray) -> float:
    """The difference of F1 in standard errors, one record at a time."""
    totals = first.sum(axis=0), second.sum(axis=0)
    slopes = [F1.gradient(side) for side in totals]
    influence = [
        slopes[0] @ one - slopes[1] @ other for one, other in zip(first, second, strict=True)
    ]
    difference = float(F1.value(totals[0]) - F1.value(totals[1]))
    error = float(np.sqrt(np.square(influence).sum()))
    return difference / error if error > 1e-9 else (np.inf if abs(difference) > 1e-9 else 0.0)


def cells(*names: str) -> np.ndarray:
    """Rows of the 2 x 2 table: tp, fp, fn, tn."""
    return np.array([[name == cell for cell in ("tp", "fp", "fn", "tn")] for name in names], float)


def exact_p(
    first: np.ndarray,
    second: np.ndarray,
    statistic: Callable[[np.ndarray, np.ndarray], float],
) -> float:
    """The share of all exchanges that are at least as extreme as the data, one by one."""
    observed = abs(statistic(first, second))
    extreme = 0
    for exchanged in product([False, True], repeat=len(first)):
        mask = np.array(exchanged)[:, None]
        one, other = np.where(mask, second, first), np.where(mask, first, second)
        extreme += abs(statistic(one, other)) >= observed - 1e-9
    return extreme / 2 ** len(first)


def test_randomisation_comes_near_the_exact_p_of_all_exchanges() -> None:
    first, second = np.array([0.9, 0.8, 0.7, 1.0, 0.4, 0.6]), np.array([0.5, 0.9, 0.2, 0.3, 0.4, 0])
    rows = mean_sums(first), mean_sums(second)
    expected = exact_p(*rows, lambda *sides: mean_difference(*(s.sum(axis=0) for s in sides)))
    assert randomisation_p(*rows, MEAN, 40_000, seed=0) == pytest.approx(expected, abs=0.01)


def test_randomisation_of_an_f1_comes_near_the_exact_p_of_all_exchanges() -> None:
    first = cells("tp", "tp", "tp", "fn", "tn", "tn", "fp", "tp")
    second = cells("fn", "tp", "fn", "fn", "fp", "tn", "fp", "fn")
    expected = exact_p(first, second, studentised_f1)
    assert randomisation_p(first, second, F1, 40_000, seed=0) == pytest.approx(expected, abs=0.01)


def test_randomisation_agrees_with_scipy_on_a_mean() -> None:
    generator = np.random.default_rng(5)
    first, second = generator.random(40), generator.random(40) + 0.1
    theirs = permutation_test(
        (first, second),
        lambda one, other: np.mean(one) - np.mean(other),
        permutation_type="samples",
        n_resamples=20_000,
        rng=0,
    ).pvalue
    ours = randomisation_p(mean_sums(first), mean_sums(second), MEAN, 20_000, seed=0)
    assert ours == pytest.approx(theirs, abs=0.01)


def test_randomisation_p_of_equal_sides_is_one_and_is_never_zero() -> None:
    same = mean_sums(np.linspace(0, 1, 30))
    assert randomisation_p(same, same, MEAN, 99, seed=0) == 1
    zeros, ones = mean_sums(np.zeros(60)), mean_sums(np.ones(60))
    assert randomisation_p(ones, zeros, MEAN, 99, seed=0) == 0.01


def test_randomisation_depends_neither_on_the_order_of_records_nor_on_which_side_is_first() -> None:
    generator = np.random.default_rng(3)
    first, second = mean_sums(generator.random(50)), mean_sums(generator.random(50))
    one = randomisation_p(first, second, MEAN, 999, seed=0)
    order = generator.permutation(50)
    assert randomisation_p(first[order], second[order], MEAN, 999, seed=0) == one
    assert randomisation_p(second, first, MEAN, 9_999, seed=0) == pytest.approx(one, abs=0.05)


def test_randomisation_in_chunks_is_a_p_value_too(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(3)
    rows = mean_sums(generator.random(50)), mean_sums(generator.random(50))
    whole = randomisation_p(*rows, MEAN, 2_000, seed=0)
    monkeypatch.setattr("ecslm.comparisons.significance._CELLS_AT_ONCE", 50 * 7)
    assert randomisation_p(*rows, MEAN, 2_000, seed=0) == pytest.approx(whole, abs=0.05)


def test_randomisation_rejects_a_true_null_about_as_often_as_it_should() -> None:
    generator = np.random.default_rng(11)
    p_values = []
    for _ in range(400):
        right = generator.random((2, 120)) < 0.3
        yes = generator.random(120) < 0.4
        sides = [
            np.stack([yes & hit, ~yes & ~hit, yes & ~hit, ~yes & hit], axis=1).astype(float)
            for hit in right
        ]
        p_values.append(randomisation_p(sides[0], sides[1], F1, 199, seed=1))
    rejected = np.mean(np.array(p_values) <= 0.05)
    # Four standard errors of a share of 400.
    assert 0.05 - 0.044 < rejected < 0.05 + 0.044


def test_randomisation_does_not_mistake_other_habits_for_another_f1() -> None:
    """A model that always says yes, and a cautious one with the same F1 in the population."""
    generator = np.random.default_rng(19)
    p_values = []
    for _ in range(400):
        yes = generator.random(1_000) < 0.1
        # 2 x 0.1 / (1 + 0.1) = 2 x 0.0109 / (2 x 0.0109 + 0.009 + 0.0891) up to rounding.
        cautious = np.where(yes, generator.random(1_000) < 0.109, generator.random(1_000) < 0.01)
        sides = [
            np.stack([yes & says, ~yes & says, yes & ~says, ~yes & ~says], axis=1).astype(float)
            for says in (np.ones(1_000, dtype=bool), cautious)
        ]
        p_values.append(randomisation_p(sides[0], sides[1], F1, 199, seed=1))
    # Not divided by its standard error the difference rejects in a quarter of the samples.
    assert np.mean(np.array(p_values) <= 0.05) < 0.05 + 0.044


def test_the_centred_bootstrap_does_not_mistake_other_class_shares_for_another_score() -> None:
    """Two settings with the same rates of error by class and the same F1 by construction."""
    generator = np.random.default_rng(13)
    p_values = []
    for _ in range(300):
        sides = [
            np.eye(4)[generator.choice(4, size=300, p=shares)]
            # F1 = 2 tp / (2 tp + fp + fn) = 0.6 in both; 30 % and 60 % are yes.
            for shares in ([0.15, 0.05, 0.15, 0.65], [0.30, 0.10, 0.30, 0.30])
        ]
        resampled = [
            np.asarray(bootstrap_values(side, binary_f1.values, 200, seed=number))
            for number, side in enumerate(sides)
        ]
        values = [float(F1.value(side.sum(axis=0))) for side in sides]
        observed = values[0] - values[1]
        p_values.append(centred_bootstrap_p(observed, resampled[0] - resampled[1]))
    rejected = np.mean(np.array(p_values) <= 0.05)
    assert 0.05 - 0.05 < rejected < 0.05 + 0.05


def test_the_centred_bootstrap_finds_a_difference() -> None:
    generator = np.random.default_rng(2)
    high, low = mean_sums(generator.random(200) + 0.5), mean_sums(generator.random(200))
    one = bootstrap_values(high, mean.values, 999, seed=0)
    other = bootstrap_values(low, mean.values, 999, seed=1)
    difference = mean_difference(high.sum(axis=0), low.sum(axis=0))
    assert centred_bootstrap_p(difference, one - other) == 0.001
    assert centred_bootstrap_p(0.0, one - one) == 1


def test_newcombe_known_values() -> None:
    # Newcombe 1998, table II, method 10: 56/70 - 48/80, 9/10 - 3/10, 10/10 - 0/10.
    for (hits, records), (other_hits, others), expected in (
        ((56, 70), (48, 80), (0.0524, 0.3339)),
        ((9, 10), (3, 10), (0.1705, 0.8090)),
        ((10, 10), (0, 10), (0.6075, 1.0)),
    ):
        intervals = (
            wilson_interval(hits, records, 0.95),
            wilson_interval(other_hits, others, 0.95),
        )
        found = newcombe_interval((hits / records, other_hits / others), intervals)
        assert found == pytest.approx(expected, abs=5e-5)


def wilson_p(hits: int, records: int, other_hits: int, others: int) -> float:
    return newcombe_p(
        (hits / records, other_hits / others),
        lambda confidence: (
            wilson_interval(hits, records, confidence),
            wilson_interval(other_hits, others, confidence),
        ),
    )


def test_newcombe_p_is_where_the_interval_ends_at_zero() -> None:
    p = wilson_p(56, 70, 48, 80)
    intervals = wilson_interval(56, 70, 1 - p), wilson_interval(48, 80, 1 - p)
    assert newcombe_interval((56 / 70, 48 / 80), intervals)[0] == pytest.approx(0, abs=1e-9)
    assert 0.001 < p < 0.05  # its 95 % interval leaves 0 out
    assert wilson_p(48, 80, 56, 70) == pytest.approx(p)
    assert wilson_p(5, 10, 50, 100) == 1
    assert 0 < wilson_p(5_000, 5_000, 0, 5_000) < 1e-9


def test_newcombe_p_rejects_a_true_null_about_as_often_as_it_should_with_few_errors() -> None:
    generator = np.random.default_rng(17)
    draws = generator.binomial([60, 1_000], 0.98, size=(2_000, 2))
    rejected = np.mean([wilson_p(a, 60, b, 1_000) <= 0.05 for a, b in draws.tolist()])
    assert rejected < 0.07


def test_mcnemar_known_values() -> None:
    # Twice the lower tail of Binomial(10, 1/2) at 2: 2 * (1 + 10 + 45) / 1024.
    assert mcnemar_p(2, 8) == pytest.approx(112 / 1024)
    assert mcnemar_p(8, 2) == mcnemar_p(2, 8)
    assert mcnemar_p(0, 5) == pytest.approx(2 / 32)
    assert mcnemar_p(4, 4) == 1
    assert mcnemar_p(0, 0) == 1


def test_holm_known_values() -> None:
    # 0.01 x 4, 0.02 x 3, 0.03 x 2, and 0.04 raised to the step before it.
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([0.2]) == [0.2]
    assert holm([]) == []


@given(p_values=st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_never_lowers_a_p_value_and_keeps_their_order(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(low <= high <= 1 for low, high in zip(p_values, adjusted, strict=True))
    by_p = [high for _, high in sorted(zip(p_values, adjusted, strict=True))]
    assert by_p == sorted(by_p)
    # Bonferroni is never less strict.
    assert min(adjusted) == pytest.approx(min(1, min(p_values) * len(p_values)))
