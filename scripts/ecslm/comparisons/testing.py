"""Differences of two scores, with their intervals and p-values."""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from ecslm.comparisons.cells import Cell
from ecslm.comparisons.results import Difference
from ecslm.comparisons.settings import DifferencesSettings
from ecslm.metrics.arithmetic import column_totals
from ecslm.metrics.protocol import Array, Metric, metric
from ecslm.outcomes import mean_values
from ecslm.statistics.differences import (
    centred_bootstrap_p,
    difference_interval,
    mcnemar_p,
    randomisation_p,
)
from ecslm.statistics.intervals import CONFIDENCE, bootstrap_is_reliable, bootstrap_values


def differences(cells: Sequence[Cell], settings: DifferencesSettings) -> list[Difference]:
    """The differences of a task's cells, in their order."""
    measure = metric(settings.metric)
    return [
        _difference(cell, measure, settings)
        for cell in tqdm(cells, unit="difference", delay=1, disable=not sys.stderr.isatty())
    ]


class _Side:
    """What the compared records of a side add to the metric, for each of its seeds."""

    def __init__(self, measure: Metric, sums: Array, seeds: int) -> None:
        self.sums = sums
        self.seeds = seeds
        self.measure = measure

    def values(self, totals: Array) -> Array:
        """Mean over seeds of the metric, shape (..., seeds x columns) to (...)."""
        return mean_values(self.measure, totals, self.seeds)

    @property
    def value(self) -> float:
        """Of these records."""
        return float(self.values(column_totals(self.sums)))

    def is_reliable(self, resampled: Array) -> bool:
        """Whether the records are enough for the interval of a difference, whose resampled values
        are given."""
        one_seed = column_totals(self.sums).reshape(self.seeds, -1)[0]
        return bootstrap_is_reliable(len(self.sums), self.measure.rarest(one_seed), resampled)


def _seed_pairs(first: _Side, second: _Side) -> tuple[_Side, _Side]:
    """Each seed of one side beside each of the other's, seed by seed in the columns.

    Exchanging a record's outcomes is then defined whatever the numbers of seeds, and the mean
    difference over all pairs is that of the two means.
    """
    ones, others = (side.sums.reshape(len(side.sums), side.seeds, -1) for side in (first, second))
    paired = np.repeat(ones, second.seeds, axis=1), np.tile(others, (1, first.seeds, 1))
    pairs = first.seeds * second.seeds
    one, other = (_Side(first.measure, sums.reshape(len(sums), -1), pairs) for sums in paired)
    return one, other


def _difference(cell: Cell, measure: Metric, settings: DifferencesSettings) -> Difference:
    shared = cell.shared
    first, second = (
        _Side(measure, side.sums(measure, shared or side.samples), len(side.seeds))
        for side in (cell.first, cell.second)
    )
    difference = first.value - second.value
    test = _paired if shared else _unpaired
    whole = len(cell.first.samples) + len(cell.second.samples)
    return Difference(
        contrast=cell.contrast,
        a=cell.a,
        b=cell.b,
        setting=cell.setting,
        model=cell.model,
        paired=bool(shared),
        n=len(first.sums),
        n_b=len(second.sums),
        unshared=whole - 2 * len(shared) if shared else 0,
        value_a=first.value,
        value_b=second.value,
        difference=difference,
        **test(first, second, difference, settings),
    )


def _paired(
    first: _Side, second: _Side, difference: float, settings: DifferencesSettings
) -> dict[str, Any]:
    """Interval and test of sides whose rows are the same samples, resampled together."""
    at = first.sums.shape[1]
    resampled = bootstrap_values(
        np.concatenate([first.sums, second.sums], axis=1),
        lambda totals: first.values(totals[..., :at]) - second.values(totals[..., at:]),
        settings.resamples,
        settings.seed,
    )
    found = {
        "ci95": difference_interval(difference, resampled, len(first.sums), CONFIDENCE),
        "reliable": first.is_reliable(resampled) and second.is_reliable(resampled),
    }
    if first.measure.PROPORTION and first.seeds == second.seeds == 1:
        hits, other_hits = first.sums[:, 0] > 0, second.sums[:, 0] > 0
        p = mcnemar_p(int((hits & ~other_hits).sum()), int((other_hits & ~hits).sum()))
        return {**found, "test": "mcnemar", "p": p}
    one, other = _seed_pairs(first, second)
    p = randomisation_p(
        one.sums,
        other.sums,
        lambda totals, other_totals: one.values(totals) - other.values(other_totals),
        settings.permutations,
        settings.seed,
    )
    return {**found, "test": "randomisation", "p": p}


def _unpaired(
    first: _Side, second: _Side, difference: float, settings: DifferencesSettings
) -> dict[str, Any]:
    """Interval and test of sides with different samples, resampled each for itself."""
    # Other random numbers for each side, or equal outcomes would be drawn alike.
    one, other = (
        bootstrap_values(side.sums, side.values, settings.resamples, settings.seed + stream)
        for stream, side in enumerate((first, second))
    )
    resampled = one - other
    records = min(len(first.sums), len(second.sums))
    return {
        "ci95": difference_interval(difference, resampled, records, CONFIDENCE),
        "reliable": first.is_reliable(resampled) and second.is_reliable(resampled),
        "test": "bootstrap",
        "p": centred_bootstrap_p(difference, resampled),
    }
