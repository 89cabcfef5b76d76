"""Differences of two scores of one task, with intervals and p-values, record by record."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np

from ecslm.common.errors import InputError
from ecslm.comparisons.proportions import (
    PairedTable,
    binomial_p,
    consistent_interval,
    mcnemar_p,
    newcombe_interval,
    newcombe_p,
)
from ecslm.comparisons.randomisation import PValue, monte_carlo_p, randomisation_p
from ecslm.comparisons.results import Difference, Test
from ecslm.comparisons.settings import BEST_SIMPLE, Contrast, DifferencesSettings, ModelsContrast
from ecslm.schemas.metrics_file import Interval95
from ecslm.schemas.task import answered_setting
from ecslm.scoring.answers import agreement
from ecslm.scoring.baselines import RANDOM
from ecslm.scoring.intervals import (
    CONFIDENCE,
    RELIABLE_RECORDS_OF_RAREST_CLASS,
    bootstrap_is_reliable,
    bootstrap_values,
    wilson_is_reliable,
)
from ecslm.scoring.metrics.protocol import Array, Metric, column_totals, metric
from ecslm.scoring.outcomes import Outcomes, mean_values

# Two sides are paired if they share at least this part of the smaller side's samples: a few samples
# in common by chance are not enough.
PAIRED_SHARE = 0.1
# An unpaired bootstrap test with few records rejects too often: with three records per side, it
# rejects a true null hypothesis in a fifth of the samples; with ten, about as often as it should.
FEWEST_RECORDS = 10
# Sums in another order differ in their last digits.
NO_SPREAD = 1e-9

# Outcomes of one task, by model and setting.
TaskOutcomes = Mapping[str, Mapping[str, Outcomes]]
# A model and a setting.
Place = tuple[str, str]


def differences(
    settings: DifferencesSettings, outcomes: TaskOutcomes, best_simple: str | None = None
) -> list[Difference]:
    """The differences of one task: of all sides that its contrasts compare, except where it lacks
    one of the settings.

    Args:
        best_simple: its best simple baseline, which is not compared with itself.

    Raises:
        InputError: two models share too few samples, or these have different references.
    """
    measure = metric(settings.metric)
    found = []
    for name, contrast in sorted(settings.contrasts.items()):
        for about, *places in _asked(contrast, settings, best_simple):
            first, second = (outcomes[model].get(setting) for model, setting in places)
            if first is not None and second is not None:
                about |= {"contrast": name}
                found.append(_difference(about, first, second, measure, settings))
    return found


def _asked(
    contrast: Contrast, settings: DifferencesSettings, best_simple: str | None
) -> Iterator[tuple[dict[str, Any], Place, Place]]:
    """What a contrast compares: fields of a `Difference`, and both sides."""
    if not isinstance(contrast, ModelsContrast):
        for model, (a, b) in product(contrast.models, contrast.pairs):
            yield {"a": a, "b": b, "setting": None, "model": model}, (model, a), (model, b)
        return
    for (first, named), setting in product(contrast.pairs, contrast.settings):
        second = best_simple if named == BEST_SIMPLE else named
        if second is not None and first != second:
            about = {"a": first, "b": second, "setting": setting, "model": None}
            one, other = (
                (model, answered_setting(setting, settings.models[model].shots))
                for model in (first, second)
            )
            yield about | {"best_simple": named == BEST_SIMPLE}, one, other


def _difference(
    about: Mapping[str, Any],
    first: Outcomes,
    second: Outcomes,
    measure: Metric,
    settings: DifferencesSettings,
) -> Difference:
    shared = sorted(set(first.samples).intersection(second.samples))
    samples = len(first.samples), len(second.samples)
    if len(shared) < PAIRED_SHARE * min(samples):
        shared = []
    what = f"{about['contrast']}: {about['a']} and {about['b']}"
    if about["model"] is None and not shared:
        raise InputError(
            f"{what} share under {PAIRED_SHARE:.0%} of their samples in {about['setting']}: "
            "predict and score both from the same dataset file"
        )
    one, other = (
        _Side(measure, side.sums(measure, shared or side.samples), len(side.seeds))
        for side in (first, second)
    )
    if shared and (one.totals.shape[1], one.rarest) != (other.totals.shape[1], other.rarest):
        raise InputError(
            f"{what}: the references of their shared samples differ: predict and score both from "
            "the same dataset file"
        )
    tested = dict.fromkeys(("difference", "ci95", "deciding", "test", "p", "p_interval"))
    tested["reliable"] = False
    values = [value if np.isfinite(value) else None for value in (one.value, other.value)]
    if None not in values:
        if shared:
            gained = first.qualities(measure, shared) - second.qualities(measure, shared)
            tested = _paired(one, other, (about["a"], about["b"]), gained, settings)
        elif measure.INTERVAL and one.seeds == other.seeds == 1:
            tested = _from_intervals(one, other)
        else:
            tested = _unpaired(one, other, settings)
        tested["difference"] = one.value - other.value
    return Difference(
        **about,
        paired=bool(shared),
        n=len(one.sums),
        n_b=len(other.sums),
        unshared=sum(samples) - 2 * len(shared) if shared else 0,
        seeds=(one.seeds, other.seeds),
        value_a=values[0],
        value_b=values[1],
        **_agreement(first, second, shared),
        **tested,
    )


def _agreement(first: Outcomes, second: Outcomes, shared: Sequence[str]) -> dict[str, Any]:
    """How often both sides give the same answer to the samples that they share."""
    pairs = [
        agreement(one, other)
        for one, other in product(first.answers(shared), second.answers(shared))
        if shared
    ]
    same, by_chance = np.mean(pairs, axis=0).tolist() if pairs else (None, None)
    return {"agreement": same, "agreement_by_chance": by_chance}


class _Side:
    """The terms of one side's compared records in the sums of the metric, for each seed."""

    def __init__(self, measure: Metric, sums: Array, seeds: int) -> None:
        self.sums = sums
        self.seeds = seeds
        self.measure = measure
        self.totals = column_totals(sums).reshape(seeds, -1)

    @cached_property
    def rarest(self) -> float | None:
        """Records of the rarest class, the same for each seed."""
        rarest = self.measure.rarest(self.totals[0])
        # Expected outcomes add up to whole numbers but for their last digits.
        return None if rarest is None else round(rarest, 6)

    @cached_property
    def value(self) -> float:
        """The mean over seeds; NaN if it is undefined for one."""
        return float(self.measure.values(self.totals).mean())

    def values(self, totals: Array) -> Array:
        """The mean of the metric over seeds, shape (..., seeds x columns) to (...)."""
        return mean_values(self.measure, totals, self.seeds)

    def by_seed(self) -> Array:
        """The terms, shape (records, seeds, columns)."""
        return self.sums.reshape(len(self.sums), self.seeds, -1)

    def is_reliable(self, resampled: Array) -> bool:
        """Whether an interval from these resampled values is reliable."""
        return bootstrap_is_reliable(len(self.sums), self.rarest, resampled)


def _paired(
    first: _Side,
    second: _Side,
    names: tuple[str, str],
    gained: Array,
    settings: DifferencesSettings,
) -> dict[str, Any]:
    """Interval and test of sides with the same samples.

    An expected score has no outcomes to exchange: hits are tested by the binomial distribution, and
    other differences by their bootstrap.

    With few records of a class, one habit of answering may have another F1 than another, so that
    outcomes are not exchangeable though the scores are equal (benchmarks/size.py). There a
    difference also needs more right answers on the same side: p is the larger of the two, which
    tests that either is equal.

    Args:
        gained: how much better the first side answers each sample, the mean over its seeds minus
            that of the second: 1 if only the first is right.

    Source: Berger, Multiparameter hypothesis testing and acceptance sampling, Technometrics 24(4),
    1982 (the larger p).
    """
    difference = first.value - second.value
    one_seed = first.seeds == second.seeds == 1
    expected = RANDOM in names
    if first.measure.PROPORTION and one_seed and not expected:
        return _paired_proportions(first, second)
    at = first.sums.shape[1]
    resampled = bootstrap_values(
        np.concatenate([first.sums, second.sums], axis=1),
        lambda totals: first.values(totals[..., :at]) - second.values(totals[..., at:]),
        settings.resamples,
        settings.seed,
    )
    ci95 = difference_interval(difference, resampled, len(first.sums), CONFIDENCE)
    test: Test = "randomisation"
    if one_seed and first.measure.PROPORTION and names[1] == RANDOM:
        hits, records = first.totals[0].astype(int).tolist()
        test, p = "binomial", PValue(binomial_p(hits, records, second.value))
    elif expected:
        test, p = "expected", centred_bootstrap_p(difference, resampled)
    else:
        exchange = _gains if first.measure.PROPORTION else _seed_pairs
        one, other = exchange(first, second)
        p = randomisation_p(
            one.sums, other.sums, one.measure, one.seeds, settings.permutations, settings.seed
        )
        if first.rarest is not None and first.rarest < RELIABLE_RECORDS_OF_RAREST_CLASS:
            test = "randomisation_mcnemar"
            better, worse = int((gained > 0).sum()), int((gained < 0).sum())
            # More right answers on the other side speak against the difference.
            same_side = gained.sum() * difference > 0
            p = p.at_least(mcnemar_p(PairedTable(0, better, worse, 0)) if same_side else 1.0)
    return _result(ci95, first.is_reliable(resampled), _rarest(first), test, p)


def _gains(first: _Side, second: _Side) -> tuple[_Side, _Side]:
    """Each record's difference of mean hits over seeds, as a whole number, against its negative.

    For means only these differences matter, whatever the two values are, and a common factor does
    not. So far more records are interchangeable, and exchanges can be enumerated.
    """
    hits, other_hits = (side.by_seed()[..., 0].sum(axis=1) for side in (first, second))
    gained = second.seeds * hits - first.seeds * other_hits
    one, other = (
        _Side(first.measure, np.stack([sums, np.ones_like(sums)], axis=1), seeds=1)
        for sums in (gained, -gained)
    )
    return one, other


def _seed_pairs(first: _Side, second: _Side) -> tuple[_Side, _Side]:
    """All pairs of a seed of one side and a seed of the other, side by side in the columns.

    This makes exchanging a record's outcomes possible for any numbers of seeds. The mean difference
    over all pairs equals the difference of the two means.
    """
    ones = np.repeat(first.by_seed(), second.seeds, axis=1)
    others = np.tile(second.by_seed(), (1, first.seeds, 1))
    pairs = first.seeds * second.seeds
    one, other = (
        _Side(first.measure, sums.reshape(len(sums), -1), pairs) for sums in (ones, others)
    )
    return one, other


def _paired_proportions(first: _Side, second: _Side) -> dict[str, Any]:
    """Interval and test of two single seeds of which each record adds 0 or 1."""
    hits, other_hits = first.sums[:, 0] > 0, second.sums[:, 0] > 0
    cells = (hits & other_hits, hits & ~other_hits, other_hits & ~hits, ~hits & ~other_hits)
    table = PairedTable(*(int(cell.sum()) for cell in cells))
    reliable = wilson_is_reliable(table.records, table.differing)
    interval, p = consistent_interval(table, CONFIDENCE), PValue(mcnemar_p(table))
    return _result(interval, reliable, table.differing, "mcnemar", p)


def _from_intervals(first: _Side, second: _Side) -> dict[str, Any]:
    """Interval and test of single seeds with different samples, from the interval of each side."""
    own = first.measure.INTERVAL
    assert own is not None, "asked only of metrics that have one"
    values = first.value, second.value

    def intervals(confidence: float) -> tuple[Interval95, Interval95]:
        return own(first.totals[0], confidence), own(second.totals[0], confidence)

    reliable = all(wilson_is_reliable(len(side.sums), side.rarest) for side in (first, second))
    interval = newcombe_interval(values, intervals(CONFIDENCE))
    p = PValue(newcombe_p(values, intervals))
    return _result(interval, reliable, _rarest(first, second), "newcombe", p)


def _unpaired(first: _Side, second: _Side, settings: DifferencesSettings) -> dict[str, Any]:
    """Interval and test of sides with different samples, resampled separately."""
    # A seed of its own for each side; else equal outcomes would be resampled identically.
    one, other = (
        bootstrap_values(side.sums, side.values, settings.resamples, settings.seed + stream)
        for stream, side in enumerate((first, second))
    )
    difference, resampled = first.value - second.value, one - other
    records = min(len(first.sums), len(second.sums))
    interval = difference_interval(difference, resampled, records, CONFIDENCE)
    # Checked for each side: the spread of one can hide that the other has none.
    reliable = first.is_reliable(one) and second.is_reliable(other)
    if records < FEWEST_RECORDS or min(np.ptp(one), np.ptp(other)) < NO_SPREAD:
        return _result(interval, reliable, _rarest(first, second), None, None)
    p = centred_bootstrap_p(difference, resampled)
    return _result(interval, reliable, _rarest(first, second), "bootstrap", p)


def difference_interval(
    difference: float, resampled: Array, records: int, confidence: float
) -> Interval95:
    """Percentile interval of a difference of two values in [0, 1] from its resampled values.

    If all records add the same to the difference, for example two models with the same answers,
    resampling gives no spread. Then the interval extends 3/n to either side, like that of a
    proportion with no successes (the rule of three). This is too narrow for a metric that is not a
    mean over all records.
    """
    tail = (1 - confidence) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail]).tolist()
    if high - low > NO_SPREAD:
        return low, high
    bound = 3 / records
    return max(-1.0, difference - bound), min(1.0, difference + bound)


def centred_bootstrap_p(difference: float, resampled: Array) -> PValue:
    """Two-sided p of a difference between unpaired scores, from its bootstrap values.

    Resampled differences minus the observed one are distributed as under equal scores. Unlike
    permuting all records over both sides, this does not assume that both have the same shares of
    classes.

    Source: Efron and Tibshirani, An introduction to the bootstrap, 1993, section 16.4; Hall and
    Wilson, Two guidelines for bootstrap hypothesis testing, Biometrics 47(2), 1991.
    """
    extreme = int((np.abs(resampled - difference) >= abs(difference) - NO_SPREAD).sum())
    return monte_carlo_p(extreme, len(resampled))


def _result(
    ci95: Interval95, reliable: bool, deciding: int | None, test: Test | None, p: PValue | None
) -> dict[str, Any]:
    """Fields of a `Difference`."""
    value, interval = (None, None) if p is None else (p.value, p.interval)
    found = {"ci95": ci95, "reliable": reliable, "deciding": deciding}
    return {**found, "test": test, "p": value, "p_interval": interval}


def _rarest(*sides: _Side) -> int | None:
    """Records of the rarest class of any side; None if the metric has no classes."""
    return min((int(side.rarest) for side in sides if side.rarest is not None), default=None)
