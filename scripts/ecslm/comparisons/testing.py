"""Differences of two scores of one task, with intervals and p-values, record by record."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from ecslm.common.errors import InputError
from ecslm.comparisons.proportions import (
    PairedTable,
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
    found = []
    for name, contrast in sorted(settings.contrasts.items()):
        for about, *places in _asked(contrast, settings, best_simple):
            first, second = (outcomes[model].get(setting) for model, setting in places)
            if first is not None and second is not None:
                about |= {"contrast": name}
                found.append(_difference(about, first, second, settings))
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
    about: Mapping[str, Any], first: Outcomes, second: Outcomes, settings: DifferencesSettings
) -> Difference:
    measure = metric(settings.metric)
    shared = sorted(set(first.samples).intersection(second.samples))
    samples = len(first.samples), len(second.samples)
    if len(shared) < PAIRED_SHARE * min(samples):
        shared = []
    one, other = (_Side(measure, side, shared or side.samples) for side in (first, second))
    problem = ""
    if not shared and about["model"] is None:
        problem = f"share under {PAIRED_SHARE:.0%} of their samples in {about['setting']}"
    elif shared and (one.totals.shape[1], one.rarest) != (other.totals.shape[1], other.rarest):
        problem = "have other references for the samples that they share"
    if problem:
        who = f"{about['contrast']}: {about['a']} and {about['b']}"
        raise InputError(f"{who} {problem}: predict and score both from the same dataset file")
    values = [value if np.isfinite(value) else None for value in (one.value, other.value)]
    guessed = RANDOM in (about["a"], about["b"])
    tested = {} if None in values else _tested(one, other, bool(shared), guessed, settings)
    agreements = [agreement(*each) for each in product(one.answers, other.answers) if shared]
    same, by_chance = np.mean(agreements, axis=0).tolist() if agreements else (None, None)
    return Difference(
        **about,
        paired=bool(shared),
        n=len(one.sums),
        n_b=len(other.sums),
        unshared=sum(samples) - 2 * len(shared) if shared else 0,
        seeds=(one.seeds, other.seeds),
        value_a=values[0],
        value_b=values[1],
        agreement=same,
        agreement_by_chance=by_chance,
        **tested,
    )


class _Side:
    """One side's compared records, for each seed: their terms in the sums of the metric, shape
    (records, seeds x columns), how good they are, and the digests of their answers."""

    def __init__(self, measure: Metric, outcomes: Outcomes, samples: Sequence[str]) -> None:
        self.measure, self.seeds = measure, len(outcomes.seeds)
        self.sums = outcomes.sums(measure, samples)
        self.qualities = outcomes.qualities(measure, samples)
        self.answers = outcomes.answers(samples)
        self.totals = column_totals(self.sums).reshape(self.seeds, -1)
        # The mean over seeds; NaN if it is undefined for one.
        self.value = float(measure.values(self.totals).mean())
        # Records of the rarest class, the same for each seed. Expected outcomes add up to whole
        # numbers but for their last digits.
        rarest = measure.rarest(self.totals[0])
        self.rarest = None if rarest is None else round(rarest)

    def values(self, totals: Array) -> Array:
        """The mean of the metric over seeds, shape (..., seeds x columns) to (...)."""
        return mean_values(self.measure, totals, self.seeds)


def _tested(
    first: _Side, second: _Side, paired: bool, guessed: bool, settings: DifferencesSettings
) -> dict[str, Any]:
    """Interval and test of two sides, as fields of a `Difference`.

    Args:
        paired: whether they have the same samples, in the same order.
        guessed: whether one of them is an expected score, which has no outcomes to exchange.
    """
    measure, sides, difference = first.measure, (first, second), first.value - second.value
    records = min(len(side.sums) for side in sides)
    deciding = min((side.rarest for side in sides if side.rarest is not None), default=None)
    single = first.seeds == second.seeds == 1
    test: Test
    if paired and single and measure.PROPORTION and not guessed:
        hits, others = (side.sums[:, 0] > 0 for side in sides)
        cells = (hits & others, hits & ~others, others & ~hits, ~hits & ~others)
        table = PairedTable(*(int(cell.sum()) for cell in cells))
        deciding = table.differing
        reliable = wilson_is_reliable(records, deciding)
        ci95, test, p = consistent_interval(table, CONFIDENCE), "mcnemar", PValue(mcnemar_p(table))
    elif not paired and single and (own := measure.INTERVAL):

        def intervals(confidence: float) -> tuple[Interval95, Interval95]:
            return own(first.totals[0], confidence), own(second.totals[0], confidence)

        values = first.value, second.value
        reliable = all(wilson_is_reliable(len(side.sums), side.rarest) for side in sides)
        ci95 = newcombe_interval(values, intervals(CONFIDENCE))
        test, p = "newcombe", PValue(newcombe_p(values, intervals))
    else:
        drawn = _resampled(first, second, paired, settings)
        resampled = drawn[0] - drawn[1]
        # Unpaired sides one by one: the spread of one can hide that the other has none.
        judged = [(first, resampled)] if paired else zip(sides, drawn, strict=True)
        reliable = all(bootstrap_is_reliable(len(x.sums), x.rarest, values) for x, values in judged)
        ci95 = difference_interval(difference, resampled, records, CONFIDENCE)
        if paired and not guessed:
            test, p = _randomised(first, second, settings)
        else:
            test = "expected" if paired else "bootstrap"
            p = centred_bootstrap_p(difference, resampled)
    return {
        "difference": difference,
        "ci95": ci95,
        "reliable": reliable,
        "deciding": deciding,
        "test": test,
        "p": p.value,
        "p_interval": p.interval,
    }


def _resampled(
    first: _Side, second: _Side, paired: bool, settings: DifferencesSettings
) -> tuple[Array, Array]:
    """Values of both sides on resamples of their records, the same ones if they are paired."""
    resamples, seed = settings.resamples, settings.seed
    if not paired:
        # A seed of its own for each side; else equal outcomes would be resampled identically.
        return (
            bootstrap_values(first.sums, first.values, resamples, seed),
            bootstrap_values(second.sums, second.values, resamples, seed + 1),
        )
    sums, at = np.concatenate([first.sums, second.sums], axis=1), first.sums.shape[1]

    def values(totals: Array) -> Array:
        return np.stack([first.values(totals[:, :at]), second.values(totals[:, at:])], axis=1)

    one, other = bootstrap_values(sums, values, resamples, seed).T
    return one, other


def _randomised(first: _Side, second: _Side, settings: DifferencesSettings) -> tuple[Test, PValue]:
    """The randomisation test of sides with the same samples, and its name.

    The columns are all pairs of a seed of one side and a seed of the other, side by side. This
    makes exchanging a record's outcomes possible for any numbers of seeds; the mean difference over
    all pairs equals the difference of the two means.

    With few records of a class, one habit of answering may have another F1 than another, so that
    outcomes are not exchangeable though the scores are equal (benchmarks/size.py). There a
    difference also needs more right answers on the same side: p is the larger of the two, which
    tests that either is equal.

    Source: Berger, Multiparameter hypothesis testing and acceptance sampling, Technometrics 24(4),
    1982 (the larger p).
    """
    records, pairs = len(first.sums), first.seeds * second.seeds
    by_seed, other = (side.sums.reshape(records, side.seeds, -1) for side in (first, second))
    ones = np.repeat(by_seed, second.seeds, axis=1).reshape(records, -1)
    others = np.tile(other, (1, first.seeds, 1)).reshape(records, -1)
    gained = first.qualities - second.qualities
    if first.measure.PROPORTION:
        # Of means only each record's difference matters, so that more records are interchangeable
        # and exchanges can be enumerated.
        gains, pairs = np.round(gained, 12), 1
        ones, others = (np.stack([x, x**0], axis=1) for x in (gains, -gains))
    p = randomisation_p(ones, others, first.measure, pairs, settings.permutations, settings.seed)
    if first.rarest is None or first.rarest >= RELIABLE_RECORDS_OF_RAREST_CLASS:
        return "randomisation", p
    better, worse = int((gained > 0).sum()), int((gained < 0).sum())
    # More right answers on the other side speak against the difference.
    same_side = gained.sum() * (first.value - second.value) > 0
    exact = mcnemar_p(PairedTable(0, better, worse, 0)) if same_side else 1.0
    return "randomisation_mcnemar", p.at_least(exact)


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
    """Two-sided p of a difference that has no outcomes to exchange, from its bootstrap values.

    Resampled differences minus the observed one are distributed as under equal scores. Unlike
    permuting all records over both sides, this does not assume that both have the same shares of
    classes.

    Source: Efron and Tibshirani, An introduction to the bootstrap, 1993, section 16.4; Hall and
    Wilson, Two guidelines for bootstrap hypothesis testing, Biometrics 47(2), 1991.
    """
    extreme = int((np.abs(resampled - difference) >= abs(difference) - NO_SPREAD).sum())
    return monte_carlo_p(extreme, len(resampled))
