"""Intervals: known values, coverage of the edges, determinism."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import skew

from ecslm.scoring import intervals
from ecslm.scoring.metrics.protocol import metric


def mean_sums(values: np.ndarray) -> np.ndarray:
    return np.stack([values, np.ones_like(values)], axis=1)


def test_bootstrap_depends_on_the_seed_and_not_on_the_order_of_records_or_on_chunks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sample = mean_sums(np.random.default_rng(7).random(50))

    def drawn(sums: np.ndarray, seed: int = 0) -> np.ndarray:
        return intervals.bootstrap_values(sums, metric("accuracy").values, 100, seed)

    whole = drawn(sample)
    assert (drawn(sample[::-1]) == whole).all()
    assert (drawn(sample, seed=1) != whole).any()
    monkeypatch.setattr("ecslm.scoring.intervals._CELLS_AT_ONCE", 50 * 7)
    np.testing.assert_allclose(drawn(sample), whole, rtol=1e-12)


def test_an_undefined_resample_counts_as_zero() -> None:
    values = intervals.bootstrap_values(np.zeros((5, 2)), metric("accuracy").values, 10, seed=0)
    assert (values == 0).all()


def test_without_error_or_without_success_the_open_end_is_three_over_n() -> None:
    assert intervals.bootstrap_interval(1.0, np.ones(10), 300) == pytest.approx((0.99, 1.0))
    assert intervals.bootstrap_interval(0.0, np.zeros(10), 300) == pytest.approx((0.0, 0.01))
    assert intervals.bootstrap_interval(1.0, np.ones(10), 2) == (0.0, 1.0)


def test_wilson_known_values() -> None:
    # Newcombe, Statistics in Medicine 17, 1998, table I, method 3.
    assert intervals.wilson_interval(81, 263, 0.95) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert intervals.wilson_interval(15, 148, 0.95) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert intervals.wilson_interval(0, 20, 0.95) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert intervals.wilson_interval(20, 20, 0.95) == pytest.approx((0.8389, 1.0), abs=5e-5)


def test_wilson_of_f1_is_that_of_the_share_of_hits_among_hits_and_errors() -> None:
    def of_f1(*counts: float) -> tuple[float, float]:
        return metric("binary_f1").INTERVAL(np.array(counts), 0.95)

    low, high = intervals.wilson_interval(81, 263, 0.95)
    expected = 2 * low / (1 + low), 2 * high / (1 + high)
    assert of_f1(81, 100, 82, 7) == pytest.approx(expected)
    assert of_f1(0, 2, 3, 0)[0] == 0
    assert of_f1(5, 0, 0, 0)[1] == 1


@pytest.mark.parametrize(("few", "reliable"), [(3, False), (5, False), (12, True), (500, True)])
def test_few_errors_or_few_hits_make_an_interval_unreliable(few: int, reliable: bool) -> None:
    assert not intervals.bootstrap_is_reliable(1000, None, np.full(100, 0.1)), "no spread at all"
    for share in (few / 1000, 1 - few / 1000):
        sums = mean_sums(np.repeat([1.0, 0.0], [round(1000 * share), round(1000 * (1 - share))]))
        resampled = intervals.bootstrap_values(sums, metric("accuracy").values, 10_000, seed=0)
        assert intervals.bootstrap_is_reliable(1000, None, resampled) is reliable


def test_skewness_is_that_of_scipy() -> None:
    resampled = np.random.default_rng(0).beta(30, 2, size=200)
    bound = abs(skew(resampled))
    for factor, reliable in ((0.99, False), (1.01, True)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("ecslm.scoring.intervals.RELIABLE_SKEWNESS", factor * float(bound))
            assert intervals.bootstrap_is_reliable(1000, None, resampled) is reliable


# How often intervals contain the true value: a small version of benchmarks/coverage.py.

Values = Callable[[np.ndarray], np.ndarray]
Population = tuple[np.ndarray, np.ndarray]

SAMPLES = 500
RESAMPLES = 400


def binary(positive: float, level: float) -> Population:
    """Rows tp, fp, fn, tn and their shares; `level` is precision and recall."""
    tp, wrong = positive * level, positive * (1 - level)
    return np.eye(4), np.array([tp, wrong, wrong, 1 - tp - 2 * wrong])


def coverage(population: Population, values: Values, records: int) -> float:
    """Per cent of samples whose interval contains the truth."""
    rows, shares = population
    truth = values(shares @ rows)
    generator = np.random.default_rng(0)
    hits = 0
    for seed in range(SAMPLES):
        sums = np.repeat(rows, generator.multinomial(records, shares), axis=0)
        resampled = intervals.bootstrap_values(sums, values, RESAMPLES, seed)
        value = float(values(sums.sum(axis=0)))
        low, high = intervals.bootstrap_interval(value, resampled, records)
        hits += low <= truth <= high
    return 100 * hits / SAMPLES


def test_an_interval_contains_the_true_value_in_95_of_100_samples() -> None:
    covered = coverage(binary(0.44, 0.8), metric("binary_f1").values, 253)
    # Three standard errors of a coverage of 95 % to either side.
    assert covered == pytest.approx(95, abs=2.9)


def test_what_is_called_unreliable_misses_the_true_value_too_often() -> None:
    """Three positives, and few errors, whatever the number of records."""
    for population, records in ((binary(3 / 37, 0.6), 37), (binary(0.08, 0.95), 253)):
        assert coverage(population, metric("binary_f1").values, records) < 90
        rows, shares = population
        totals = shares * records
        sums = np.repeat(rows, np.round(totals).astype(int), axis=0)
        resampled = intervals.bootstrap_values(sums, metric("binary_f1").values, 1000, seed=0)
        rarest = metric("binary_f1").rarest(totals)
        assert not intervals.bootstrap_is_reliable(records, rarest, resampled)
