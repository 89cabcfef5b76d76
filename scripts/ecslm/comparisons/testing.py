"""Computing differences of two scores, with intervals and p-values."""

import sys
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from tqdm import tqdm

from ecslm.common.errors import InputError
from ecslm.comparisons.proportions import (
    PairedTable,
    consistent_interval,
    mcnemar_p,
    newcombe_interval,
    newcombe_p,
)
from ecslm.comparisons.randomisation import Statistic, randomisation_p
from ecslm.comparisons.results import Difference, Test
from ecslm.comparisons.settings import DifferencesSettings
from ecslm.comparisons.sides import Sides
from ecslm.comparisons.significance import (
    Interval,
    PValue,
    centred_bootstrap_p,
    difference_interval,
    larger,
)
from ecslm.scoring.intervals import (
    CONFIDENCE,
    RELIABLE_RECORDS_OF_RAREST_CLASS,
    bootstrap_is_reliable,
    bootstrap_values,
    wilson_is_reliable,
)
from ecslm.scoring.metrics.arithmetic import column_totals
from ecslm.scoring.metrics.protocol import Array, Metric, metric
from ecslm.scoring.outcomes import mean_values

# An unpaired bootstrap test with few records rejects too often: with three records per side, it
# rejects a true null hypothesis in a fifth of the samples; with ten, about as often as it should.
FEWEST_RECORDS = 10
NO_SPREAD = 1e-9

NO_RESULT = {
    "difference": None,
    "ci95": None,
    "reliable": False,
    "deciding": None,
    "test": None,
    "p": None,
    "p_interval": None,
}


def differences(compared: Sequence[Sides], settings: DifferencesSettings) -> list[Difference]:
    """Compute the differences of one task, in order.

    Raises:
        InputError: shared samples have different references on the two sides.
    """
    measure = metric(settings.metric)
    return [
        _difference(sides, measure, settings)
        for sides in tqdm(compared, unit="difference", delay=1, disable=not sys.stderr.isatty())
    ]


class _Side:
    """The terms of one side's compared records in the sums of the metric, for each seed."""

    def __init__(self, measure: Metric, sums: Array, seeds: int) -> None:
        self.sums = sums
        self.seeds = seeds
        self.measure = measure

    @cached_property
    def totals(self) -> Array:
        """Sums over records, shape (seeds, columns)."""
        return column_totals(self.sums).reshape(self.seeds, -1)

    @cached_property
    def rarest(self) -> float | None:
        """Records of the rarest class, the same for each seed."""
        rarest = self.measure.rarest(self.totals[0])
        # Expected outcomes add up to whole numbers but for their last digits.
        return None if rarest is None else round(rarest, 6)

    @property
    def value(self) -> float | None:
        """The mean over seeds; None if it is undefined for one."""
        mean = float(self.measure.values(self.totals).mean())
        return mean if np.isfinite(mean) else None

    def values(self, totals: Array) -> Array:
        """The mean of the metric over seeds, shape (..., seeds x columns) to (...)."""
        return mean_values(self.measure, totals, self.seeds)

    def gradient(self, totals: Array) -> Array:
        """Derivatives of that mean, shape (..., seeds x columns)."""
        by_seed = totals.reshape(*totals.shape[:-1], self.seeds, -1)
        found: Array = self.measure.gradient(by_seed).reshape(totals.shape) / self.seeds
        return found

    def is_reliable(self, resampled: Array) -> bool:
        """Whether an interval from these resampled values is reliable."""
        return bootstrap_is_reliable(len(self.sums), self.rarest, resampled)

    def interval(self, confidence: float) -> Interval:
        """The interval of a single seed's value, for a metric with a closed-form interval."""
        assert self.measure.INTERVAL is not None and self.seeds == 1
        return self.measure.INTERVAL(self.totals[0], confidence)


def _seed_pairs(first: _Side, second: _Side) -> tuple[_Side, _Side]:
    """All pairs of a seed of one side and a seed of the other, side by side in the columns.

    This makes exchanging a record's outcomes possible for any numbers of seeds. The mean difference
    over all pairs equals the difference of the two means.
    """
    ones, others = (side.sums.reshape(len(side.sums), side.seeds, -1) for side in (first, second))
    paired = np.repeat(ones, second.seeds, axis=1), np.tile(others, (1, first.seeds, 1))
    pairs = first.seeds * second.seeds
    one, other = (_Side(first.measure, sums.reshape(len(sums), -1), pairs) for sums in paired)
    return one, other


def _proportion_means(first: _Side, second: _Side) -> tuple[_Side, _Side]:
    """Each record's difference of the means over seeds, as a whole number, against its negative.

    For means only these differences matter, whatever the two values are, and a common factor does
    not. So far more records are interchangeable, and exchanges can be enumerated.
    """
    hits, other_hits = (
        side.sums.reshape(len(side.sums), side.seeds, -1)[..., 0].sum(axis=1)
        for side in (first, second)
    )
    gained = second.seeds * hits - first.seeds * other_hits
    one, other = (
        _Side(first.measure, np.stack([sums, np.ones_like(sums)], axis=1), seeds=1)
        for sums in (gained, -gained)
    )
    return one, other


def _difference(sides: Sides, measure: Metric, settings: DifferencesSettings) -> Difference:
    shared = sides.shared
    first, second = (
        _Side(measure, side.sums(measure, shared or side.samples), len(side.seeds))
        for side in (sides.first, sides.second)
    )
    if shared and (first.totals.shape[1], first.rarest) != (second.totals.shape[1], second.rarest):
        raise InputError(
            f"{sides.contrast}: {sides.a} and {sides.b}: the references of their shared samples "
            "differ: predict and score both from the same dataset file"
        )
    values = first.value, second.value
    records = len(sides.first.samples) + len(sides.second.samples)
    return Difference(
        contrast=sides.contrast,
        a=sides.a,
        b=sides.b,
        best_simple=sides.best_simple,
        setting=sides.setting,
        model=sides.model,
        paired=bool(shared),
        n=len(first.sums),
        n_b=len(second.sums),
        unshared=records - 2 * len(shared) if shared else 0,
        seeds=(first.seeds, second.seeds),
        value_a=values[0],
        value_b=values[1],
        **(
            NO_RESULT
            if values[0] is None or values[1] is None
            else _tested(sides, first, second, (values[0], values[1]), settings)
        ),
    )


def _tested(
    sides: Sides,
    first: _Side,
    second: _Side,
    values: tuple[float, float],
    settings: DifferencesSettings,
) -> dict[str, Any]:
    """The difference, its interval and its test."""
    difference = values[0] - values[1]
    if sides.shared:
        found = _paired(sides, first, second, difference, settings)
    elif first.measure.INTERVAL and first.seeds == second.seeds == 1:
        found = _from_intervals(first, second, values)
    else:
        found = _unpaired(first, second, difference, settings)
    return {"difference": difference, **found}


def _paired(
    sides: Sides, first: _Side, second: _Side, difference: float, settings: DifferencesSettings
) -> dict[str, Any]:
    """Interval and test of sides with the same samples.

    An expected score has no outcomes to exchange: the difference is tested by its bootstrap.

    With few records of a class, one habit of answering may have another F1 than another, so that
    outcomes are not exchangeable though the scores are equal (benchmarks/size.py). There a
    difference also needs more right answers on the same side: p is the larger of the two, which
    tests that either is equal.

    Source: Berger, Multiparameter hypothesis testing and acceptance sampling, Technometrics 24(4),
    1982 (the larger p).
    """
    one_seed = first.seeds == second.seeds == 1
    if first.measure.PROPORTION and one_seed and not sides.expected:
        return _paired_proportions(first, second)
    at = first.sums.shape[1]
    resampled = bootstrap_values(
        np.concatenate([first.sums, second.sums], axis=1),
        lambda totals: first.values(totals[..., :at]) - second.values(totals[..., at:]),
        settings.resamples,
        settings.seed,
    )
    found = {
        "ci95": difference_interval(difference, resampled, len(first.sums), CONFIDENCE),
        "reliable": first.is_reliable(resampled),
        "deciding": _rarest(first),
    }
    if sides.expected:
        return {**found, **_test("expected", centred_bootstrap_p(difference, resampled))}
    exchange = _proportion_means if first.measure.PROPORTION else _seed_pairs
    one, other = exchange(first, second)
    statistic = Statistic(one.values, one.gradient)
    p = randomisation_p(one.sums, other.sums, statistic, settings.permutations, settings.seed)
    enough = first.rarest is None or first.rarest >= RELIABLE_RECORDS_OF_RAREST_CLASS
    if not enough:
        gained = sides.gained(first.measure)
        # More right answers on the other side speak against the difference.
        same_side = gained.sum() * difference > 0
        p = larger(p, _mcnemar_of(gained) if same_side else 1.0)
    return {**found, **_test("randomisation" if enough else "randomisation_mcnemar", p)}


def _paired_proportions(first: _Side, second: _Side) -> dict[str, Any]:
    """Interval and test of two single seeds of which each record adds 0 or 1."""
    hits, other_hits = first.sums[:, 0] > 0, second.sums[:, 0] > 0
    table = PairedTable(
        both=int((hits & other_hits).sum()),
        first_only=int((hits & ~other_hits).sum()),
        second_only=int((other_hits & ~hits).sum()),
        neither=int((~hits & ~other_hits).sum()),
    )
    return {
        "ci95": consistent_interval(table, CONFIDENCE),
        "reliable": wilson_is_reliable(table.records, table.differing),
        "deciding": table.differing,
        **_test("mcnemar", PValue(mcnemar_p(table))),
    }


def _from_intervals(first: _Side, second: _Side, values: tuple[float, float]) -> dict[str, Any]:
    """Interval and test of sides with different samples, from the interval of each side."""

    def intervals(confidence: float) -> tuple[Interval, Interval]:
        return first.interval(confidence), second.interval(confidence)

    reliable = all(wilson_is_reliable(len(side.sums), side.rarest) for side in (first, second))
    return {
        "ci95": newcombe_interval(values, intervals(CONFIDENCE)),
        "reliable": reliable,
        "deciding": _rarest(first, second),
        **_test("newcombe", PValue(newcombe_p(values, intervals))),
    }


def _unpaired(
    first: _Side, second: _Side, difference: float, settings: DifferencesSettings
) -> dict[str, Any]:
    """Interval and test of sides with different samples, resampled separately."""
    # A seed of its own for each side; else equal outcomes would be resampled identically.
    one, other = (
        bootstrap_values(side.sums, side.values, settings.resamples, settings.seed + stream)
        for stream, side in enumerate((first, second))
    )
    resampled = one - other
    records = min(len(first.sums), len(second.sums))
    # Checked for each side: the spread of one can hide that the other has none.
    reliable = first.is_reliable(one) and second.is_reliable(other)
    found = {
        "ci95": difference_interval(difference, resampled, records, CONFIDENCE),
        "reliable": reliable,
        "deciding": _rarest(first, second),
    }
    if records < FEWEST_RECORDS or min(np.ptp(one), np.ptp(other)) < NO_SPREAD:
        return {**found, **_test(None, None)}
    return {**found, **_test("bootstrap", centred_bootstrap_p(difference, resampled))}


def _test(name: Test | None, p: PValue | None) -> dict[str, Any]:
    """The fields of a test."""
    return {
        "test": name,
        "p": None if p is None else p.value,
        "p_interval": None if p is None else p.interval,
    }


def _mcnemar_of(gained: Array) -> float:
    """McNemar's p of gains in right answers, a number for each record."""
    return mcnemar_p(PairedTable(0, int((gained > 0).sum()), int((gained < 0).sum()), 0))


def _rarest(*sides: _Side) -> int | None:
    """Records of the rarest class of any side; None if the metric has no classes."""
    found = [int(side.rarest) for side in sides if side.rarest is not None]
    return min(found, default=None)
