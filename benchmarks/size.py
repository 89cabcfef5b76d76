"""How often the paired test of F1 rejects where it should not: two models with the same F1.

In the population one model always says yes, and the other is cautious and hits as much as its F1
needs to be the same; a test at 5 % should reject in 5 % of the samples. The library's test divides
the difference by its standard error; beside it stands the same test without the division.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from ecslm.comparisons import randomisation
from ecslm.comparisons.randomisation import randomisation_p
from ecslm.scoring.metrics.binary_f1 import METRIC as BINARY_F1

# Both tests by the same number of random exchanges; enumerating them would take hours.
randomisation.MOST_CELLS = 0

LEVEL = 0.05
FALSE_YES = 0.01  # of the cautious model, among records whose reference is no
POSITIVES = (0.1, 0.23, 0.3, 0.6)
RECORDS = (250, 1_000)

Array = NDArray[np.float64]


def main(arguments: argparse.Namespace) -> None:
    """Simulate and print a row for each share of positives and number of records."""
    print("| positives, % | records | studentised, % | plain, % |\n|---|---|---|---|")
    for positives in POSITIVES:
        for records in RECORDS:
            rejected = np.mean(
                [
                    [p <= LEVEL for p in p_values(positives, records, arguments.draws, seed)]
                    for seed in tqdm(range(arguments.samples), leave=False)
                ],
                axis=0,
            )
            ours, plain = 100 * rejected
            print(f"| {100 * positives:.0f} | {records:,} | {ours:.1f} | {plain:.1f} |", flush=True)


def p_values(positives: float, records: int, draws: int, seed: int) -> tuple[float, float]:
    """p of one sample, by the library's test and without the division."""
    generator = np.random.default_rng(seed)
    yes = generator.random(records) < positives
    chance = np.where(yes, hit_rate(positives), FALSE_YES)
    cautious = generator.random(records) < chance
    sides = [cells(yes, says) for says in (np.ones(records, dtype=bool), cautious)]
    return (
        randomisation_p(*sides, BINARY_F1, 1, draws, seed).value,
        plain_p(sides[0], sides[1], draws, generator),
    )


def hit_rate(positives: float) -> float:
    """The cautious model's share of yes among positives that gives it the F1 of always yes."""
    f1 = 2 * positives / (1 + positives)
    return f1 * (positives + FALSE_YES * (1 - positives)) / (positives * (2 - f1))


def cells(yes: NDArray[np.bool_], says: NDArray[np.bool_]) -> Array:
    """tp, fp, fn and tn of each record."""
    return np.stack([yes & says, ~yes & says, yes & ~says, ~yes & ~says], axis=1).astype(float)


def value(totals: Array) -> Array:
    """F1; 0 where it is not defined."""
    found: Array = np.nan_to_num(BINARY_F1.values(totals))
    return found


def plain_p(first: Array, second: Array, draws: int, generator: np.random.Generator) -> float:
    """p of the difference itself, by exchanging records at random."""
    moved = generator.integers(0, 2, size=(draws, len(first))) @ (second - first)
    totals = first.sum(axis=0), second.sum(axis=0)
    found = np.abs(value(totals[0] + moved) - value(totals[1] - moved))
    observed = abs(value(totals[0]) - value(totals[1]))
    return float(((found >= observed - 1e-9).sum() + 1) / (draws + 1))


def command_line() -> argparse.ArgumentParser:
    """The options of this benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=2_000, help="samples a row")
    parser.add_argument("--draws", type=int, default=399, help="random exchanges a sample")
    return parser


if __name__ == "__main__":
    main(command_line().parse_args())
