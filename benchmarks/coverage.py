"""Coverage of the 95 % intervals: how often they contain the true value, by simulation.

Records are drawn from populations whose true value is known: the metric of the population's
expected totals. Each sample is scored and resampled by the library's own code. Our intervals,
percentile and Wilson, stand beside methods they could be exchanged for: BCa, a bootstrap stratified
by the reference's class, and a normal interval of the logit.
"""

import argparse
import math
import sys
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
from scipy import stats
from scipy.special import expit, logit
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from ecslm.schemas.metrics_file import Outcome
from ecslm.scoring.intervals import (
    CONFIDENCE,
    bootstrap_interval,
    bootstrap_is_reliable,
    bootstrap_values,
)
from ecslm.scoring.metrics.protocol import Array, Metric, metric

TAIL = (1 - CONFIDENCE) / 2
Z = NormalDist().inv_cdf(1 - TAIL)
METHODS = ("percentile", "BCa", "stratified", "logit", "Wilson")
Interval = tuple[float, float]


@dataclass(frozen=True)
class Population:
    """Kinds of records: what each adds to the metric, its share, and its reference's class."""

    family: str
    what: str
    measure: Metric
    kinds: Array
    shares: Array
    classes: Array

    @property
    def truth(self) -> float:
        """The value of infinitely many records."""
        return float(self.measure.values(self.shares @ self.kinds))

    def rarest(self, records: int) -> float | None:
        """Expected records of the rarest class."""
        return self.measure.rarest(records * self.shares @ self.kinds)


@dataclass
class Tally:
    """Over the samples of a cell: intervals that contain the truth, widths, reliable ones."""

    samples: int = 0
    reliable: int = 0
    reliable_hits: int = 0
    hits: Counter[str] = field(default_factory=Counter)
    widths: Counter[str] = field(default_factory=Counter)


def main(arguments: argparse.Namespace) -> None:
    """Simulate cell by cell and print a row for each, in a table for each metric."""
    cells = [(p, n) for p, n in all_cells() if p.family in arguments.metrics]
    error = math.sqrt(CONFIDENCE * (1 - CONFIDENCE) / arguments.repetitions)
    print(
        f"{arguments.repetitions:,} samples a row, {arguments.resamples:,} resamples; "
        f"standard error of a coverage of 95 %: {100 * error:.1f}"
    )
    family = None
    with tqdm(total=len(cells) * arguments.repetitions, unit="sample", smoothing=0) as bar:
        for population, records in cells:
            if population.family != family:
                family = population.family
                bar.write(f"\n{family}\n\n{HEADER}")
            # Rows do not depend on which others are simulated.
            name = f"{family} {population.what} {population.truth:.6f} {records}"
            generator = np.random.default_rng([arguments.seed, zlib.crc32(name.encode())])
            tally = Tally()
            for _ in range(arguments.repetitions):
                simulate(population, records, arguments.resamples, generator, tally)
                bar.update()
            bar.write(table_row(population, records, tally))


HEADER = (
    f"| population | n | rarest class | value | {' | '.join(f'{m}, %' for m in METHODS)} "
    f"| width | Wilson's width | reliable, % | coverage if reliable, % |\n{'|---' * 13}|"
)


def table_row(population: Population, records: int, tally: Tally) -> str:
    """One line of a table: coverage of each method, mean widths, and what is called reliable."""
    rarest = population.rarest(records)
    coverages = [percent(tally.hits[m], tally.samples, m in tally.widths) for m in METHODS]
    widths = [
        f"{tally.widths[m] / tally.samples:.3f}" if m in tally.widths else "--"
        for m in ("percentile", "Wilson")
    ]
    return " | ".join(
        [
            f"| {population.what} | {records:,}",
            "--" if rarest is None else f"{rarest:.0f}",
            f"{population.truth:.3f}",
            *coverages,
            *widths,
            percent(tally.reliable, tally.samples, True),
            percent(tally.reliable_hits, tally.reliable, tally.reliable > 0) + " |",
        ]
    )


def percent(part: int, whole: int, known: bool) -> str:
    """A share for a table."""
    return f"{100 * part / whole:.1f}" if known else "--"


def simulate(
    population: Population,
    records: int,
    resamples: int,
    generator: np.random.Generator,
    tally: Tally,
) -> None:
    """Draw one sample and count which intervals contain the truth. Undefined values have none."""
    counts = generator.multinomial(records, population.shares)
    totals = counts @ population.kinds
    value = float(population.measure.values(totals))
    if math.isnan(value):
        return
    sums = np.repeat(population.kinds, counts, axis=0)
    resampled = bootstrap_values(
        sums, population.measure.values, resamples, int(generator.integers(2**32))
    )
    found = {"percentile": bootstrap_interval(value, resampled, records)}
    has_strata = len(set(population.classes)) > 1
    if 0 < value < 1:
        found["BCa"] = bca_interval(population, counts, value, resampled)
        found["logit"] = logit_interval(value, resampled)
        if has_strata:
            strata = stratified_values(population, counts, resamples, generator)
            found["stratified"] = bootstrap_interval(value, strata, records)
    else:
        # Without spread there is only the rule of three.
        others = ("BCa", "logit", "stratified") if has_strata else ("BCa", "logit")
        found |= dict.fromkeys(others, found["percentile"])
    if population.measure.INTERVAL:
        found["Wilson"] = population.measure.INTERVAL(totals, CONFIDENCE)
    hits = {name: low <= population.truth <= high for name, (low, high) in found.items()}
    tally.samples += 1
    tally.hits.update({name: int(hit) for name, hit in hits.items()})
    tally.widths.update({name: high - low for name, (low, high) in found.items()})
    if bootstrap_is_reliable(records, population.measure.rarest(totals), resampled):
        tally.reliable += 1
        tally.reliable_hits += hits["percentile"]


def stratified_values(
    population: Population, counts: Array, resamples: int, generator: np.random.Generator
) -> Array:
    """Values of resamples that keep the number of records of each class; shape (resamples,)."""
    totals = np.zeros((resamples, population.kinds.shape[1]))
    for name in np.unique(population.classes):
        own = (population.classes == name) & (counts > 0)
        if own.any():
            draws = generator.multinomial(
                counts[own].sum(), counts[own] / counts[own].sum(), size=resamples
            )
            totals += draws @ population.kinds[own]
    return np.nan_to_num(population.measure.values(totals))


def bca_interval(population: Population, counts: Array, value: float, resampled: Array) -> Interval:
    """Bias-corrected and accelerated percentile interval; the acceleration from the jackknife.

    Source: Efron, Better bootstrap confidence intervals, JASA 82(397), 1987. Values equal to the
    sample's count half, since few records make many ties.
    """
    totals = counts @ population.kinds
    without = np.nan_to_num(population.measure.values(totals - population.kinds))
    away = np.average(without, weights=counts) - without
    acceleration = (counts @ away**3) / (6 * (counts @ away**2) ** 1.5)
    below = ((resampled < value).mean() + (resampled <= value).mean()) / 2
    bias = stats.norm.ppf(np.clip(below, 1 / len(resampled), 1 - 1 / len(resampled)))
    shifted = bias + np.array([-Z, Z])
    low, high = np.quantile(
        resampled, stats.norm.cdf(bias + shifted / (1 - acceleration * shifted))
    )
    return float(low), float(high)


def logit_interval(value: float, resampled: Array) -> Interval:
    """Normal interval of the logit by the delta method, from the bootstrap's standard error."""
    half = Z * resampled.std() / (value * (1 - value))
    low, high = expit(logit(value) + np.array([-half, half]))
    return float(low), float(high)


def all_cells() -> Iterator[tuple[Population, int]]:
    """Every population with a sample size."""
    yield from f1_cells()
    for shares, name in ((SA, "5 classes"), (PRP, "3 classes")):
        for hit_rate in (0.6, 0.9, 0.98):
            for records in (60, 100, 253, 1000):
                yield macro_population(name, shares, hit_rate, invalid=0.02), records
    yield macro_population("5 classes", SA, 0.9, invalid=0.02), 2000
    for skills in ((0.9, 0.4), (0.99, 0.9)):
        for records in (60, 253, 1000):
            yield extraction_population(skills), records
    for population in mean_populations():
        for records in (37, 100, 253, 1000):
            yield population, records
    for records in (37, 253, 1000):
        for rate in (0.05, 0.5, 0.9, 0.98):
            yield accuracy_population(rate), records


SA = (0.5, 0.22, 0.14, 0.09, 0.05)
PRP = (0.5, 0.35, 0.15)


def f1_cells() -> Iterator[tuple[Population, int]]:
    """Sizes, positives, and models whose precision equals their recall."""
    sizes = [(37, 3), (37, 12), (60, 20), (100, 20), (253, 111), (1000, 10)]
    sizes += [(1000, 20), (1000, 50), (1000, 100), (1000, 400), (2000, 100)]
    for records, positives in sizes:
        for level in (0.3, 0.6, 0.9, 0.97):
            if level > positives / records:
                yield f1_population(positives / records, level), records
    yield f1_population(111 / 253, 0.8, invalid=0.1), 253
    yield f1_population(0.23, 0.6, invalid=0.3), 1000


def f1_population(positive: float, level: float, invalid: float = 0.0) -> Population:
    """`level` is precision and recall of the answers that are valid."""
    valid = 1 - invalid
    tp, wrong = positive * level * valid, positive * (1 - level) * valid
    fp, fn = wrong + (1 - positive) * invalid, wrong + positive * invalid
    shares = [tp, fp, fn, 1 - tp - fp - fn]
    what = f"precision and recall {level}" + (f", {invalid:.0%} invalid" if invalid else "")
    cells = ("tp", "fp", "fn", "tn")
    outcomes = [{name: int(name == cell) for name in cells} for cell in cells]
    return population("F1", what, metric("binary_f1"), outcomes, shares, "ynyn")


def macro_population(
    name: str, shares: Sequence[float], hit_rate: float, invalid: float
) -> Population:
    """Wrong answers follow the classes' shares."""
    outcomes: list[dict[str, Any]] = []
    weights, classes = [], []
    letters = "ABCDE"[: len(shares)]
    for (one, share), (other, share_of_other) in product(
        zip(letters, shares, strict=True), repeat=2
    ):
        wrong = (1 - hit_rate) * share_of_other / (1 - share)
        weights.append(share * (1 - invalid) * (hit_rate if one == other else wrong))
        hit, miss = {one: 1}, {other: 1}
        outcomes.append(
            {"tp": hit, "fp": {}, "fn": {}} if one == other else {"tp": {}, "fp": miss, "fn": hit}
        )
        classes.append(one)
    for one, share in zip(letters, shares, strict=True):
        others = {other: 1 / (len(letters) - 1) for other in letters if other != one}
        outcomes.append({"tp": {}, "fp": others, "fn": {one: 1}})
        weights.append(share * invalid)
        classes.append(one)
    what = f"{name}, {hit_rate:.0%} right"
    return population("macro-F1", what, metric("macro_f1"), outcomes, weights, classes)


def extraction_population(skills: tuple[float, float]) -> Population:
    """One to four attributes a record, six in ten without a value; 70 % of the records are easy.

    `skills` are the shares of attributes that are right in easy and in hard records.
    """
    names = ("nv", "iv", "cv", "wv", "nl")
    outcomes, weights = [], []
    for units, share in ((1, 0.3), (2, 0.3), (3, 0.25), (4, 0.15)):
        for counts in product(range(units + 1), repeat=len(names)):
            if sum(counts) == units:
                outcomes.append(dict(zip(names, counts, strict=True)))
                easy, hard = (
                    stats.multinomial.pmf(
                        counts,
                        units,
                        [0.6 * s, 0.6 * (1 - s), 0.4 * s, 0.2 * (1 - s), 0.2 * (1 - s)],
                    )
                    for s in skills
                )
                weights.append(share * (0.7 * easy + 0.3 * hard))
    what = f"{skills[0]:.0%} and {skills[1]:.0%} right"
    return population("F1*", what, metric("extraction_f1"), outcomes, weights)


def mean_populations() -> Iterator[Population]:
    """Scores of rankings and of texts, on a grid so that few of them are distinct."""
    grid = np.linspace(0, 1, 41)
    for ones, zeros in ((0.45, 0.03), (0.8, 0.01), (0.95, 0.01)):
        weights = stats.beta.pdf(np.clip(grid, 0.01, 0.99), 3, 1.5)
        weights *= (1 - ones - zeros) / weights.sum()
        weights[[0, -1]] += zeros, ones
        what = f"{ones:.0%} are 1, {zeros:.0%} are 0"
        outcomes = [{"gain": score} for score in grid]
        yield population("NDCG", what, metric("ndcg"), outcomes, weights)
    grid = np.linspace(0, 1, 101)
    for zeros in (0, 0.01, 0.1):
        weights = stats.norm.pdf(grid, 0.87, 0.03)
        weights *= (1 - zeros) / weights.sum()
        weights[0] += zeros
        outcomes = [{"score": score} for score in grid]
        yield population("F_BERT", f"{zeros:.0%} are 0", metric("bert_f1"), outcomes, weights)


def accuracy_population(rate: float) -> Population:
    """Right answers at a rate."""
    outcomes = [{"score": 0}, {"score": 1}]
    return population(
        "accuracy", f"{rate:.0%} right", metric("accuracy"), outcomes, [1 - rate, rate]
    )


def population(
    family: str,
    what: str,
    measure: Metric,
    outcomes: Sequence[Outcome],
    shares: Sequence[float],
    classes: Sequence[str] | None = None,
) -> Population:
    """A population from what its kinds of records add to a metric; without classes it has one."""
    weights = np.asarray(shares, dtype=np.float64)
    kinds = measure.sums(outcomes)
    names = np.array(list(classes or "-" * len(kinds)))
    return Population(family, what, measure, kinds, weights / weights.sum(), names)


METRICS = ("F1", "macro-F1", "F1*", "NDCG", "F_BERT", "accuracy")


def command_line() -> argparse.ArgumentParser:
    """The options of this benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--metrics", nargs="+", choices=METRICS, default=METRICS, help="tables to make")
    add("--repetitions", type=int, default=2000, help="samples a row")
    add("--resamples", type=int, default=1000, help="bootstrap resamples of a sample")
    add("--seed", type=int, default=0, help="of the samples and the resamples")
    return parser


if __name__ == "__main__":
    main(command_line().parse_args())
