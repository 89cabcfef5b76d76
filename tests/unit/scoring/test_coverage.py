"""Intervals contain the true value about as often as they say; in closed form where there is one.

A small version of benchmarks/coverage.py, with fixed seeds.
"""

from collections.abc import Callable

import numpy as np
import pytest

from ecslm.scoring.intervals import bootstrap_interval, bootstrap_is_reliable, bootstrap_values
from ecslm.scoring.metrics.protocol import metric

Values = Callable[[np.ndarray], np.ndarray]
Population = tuple[np.ndarray, np.ndarray]

SAMPLES = 500
RESAMPLES = 400
# Three standard errors of a coverage of 95 % to either side.
BAND = (95 - 2.9, 95 + 2.9)


def binary(positive: float, level: float) -> Population:
    """Rows tp, fp, fn, tn and their shares; `level` is precision and recall."""
    tp, wrong = positive * level, positive * (1 - level)
    return np.eye(4), np.array([tp, wrong, wrong, 1 - tp - 2 * wrong])


def classes(shares: tuple[float, ...], hit_rate: float) -> Population:
    """Rows tp, fp, fn of each class after the other; wrong answers are the next class."""
    rows, weights = [], []
    for number, share in enumerate(shares):
        hit, miss = np.zeros((2, len(shares), 3))
        hit[number, 0] = 1
        miss[number, 2] = miss[(number + 1) % len(shares), 1] = 1
        rows += [hit.ravel(), miss.ravel()]
        weights += [share * hit_rate, share * (1 - hit_rate)]
    return np.array(rows), np.array(weights)


def attributes() -> Population:
    """Rows nv, iv, cv, wv, nl of one or three attributes that are right or wrong together."""
    rows = [[1, 0, 0, 0, 0], [0, 0, 3, 0, 0], [2, 0, 0, 1, 0], [0, 1, 0, 1, 1], [0, 0, 1, 0, 2]]
    return np.array(rows, dtype=float), np.array([0.3, 0.3, 0.2, 0.1, 0.1])


def scores() -> Population:
    """Rows of a mean of scores in [0, 1], half of them 1."""
    values = np.array([0, 0.2, 0.4, 0.6, 0.8, 1])
    return np.stack([values, np.ones(6)], axis=1), np.array([0.05, 0.05, 0.1, 0.1, 0.2, 0.5])


def coverage(population: Population, values: Values, records: int) -> float:
    """Per cent of samples whose interval contains the truth."""
    rows, shares = population
    truth = values(shares @ rows)
    generator = np.random.default_rng(0)
    hits = 0
    for seed in range(SAMPLES):
        sums = np.repeat(rows, generator.multinomial(records, shares), axis=0)
        resampled = bootstrap_values(sums, values, RESAMPLES, seed)
        value = float(values(sums.sum(axis=0)))
        low, high = bootstrap_interval(value, resampled, records, 0.95)
        hits += low <= truth <= high
    return 100 * hits / SAMPLES


@pytest.mark.parametrize(
    ("name", "population"),
    [
        ("binary_f1", binary(0.44, 0.8)),
        ("macro_f1", classes((0.5, 0.3, 0.2), 0.8)),
        ("extraction_f1", attributes()),
        ("accuracy", scores()),
    ],
)
def test_an_interval_contains_the_true_value_in_95_of_100_samples(
    name: str, population: Population
) -> None:
    assert BAND[0] < coverage(population, metric(name).values, 253) < BAND[1]


def test_what_is_called_unreliable_misses_the_true_value_too_often() -> None:
    """Three positives, and few errors, whatever the number of records."""
    for population, records in ((binary(3 / 37, 0.6), 37), (binary(0.08, 0.95), 253)):
        assert coverage(population, metric("binary_f1").values, records) < 90
        rows, shares = population
        totals = shares * records
        sums = np.repeat(rows, np.round(totals).astype(int), axis=0)
        resampled = bootstrap_values(sums, metric("binary_f1").values, 1000, seed=0)
        assert not bootstrap_is_reliable(records, metric("binary_f1").rarest(totals), resampled)
