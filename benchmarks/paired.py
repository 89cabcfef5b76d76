"""Coverage of the 95 % intervals of a difference of two paired proportions, by simulation.

Two models answer the same records; `differing` is the share that only one of them gets right, and
`first` the part of these that the first model does. The library's interval (Newcombe's, extended
to 0 where McNemar's exact test does not reject) stands beside Newcombe's own and the bootstrap.
`contradiction` is how often each has 0 in it or not, against McNemar's test.
"""

import argparse
import sys
from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from ecslm.comparisons.proportions import (
    PairedTable,
    consistent_interval,
    mcnemar_p,
    newcombe_paired_interval,
)
from ecslm.comparisons.testing import difference_interval
from ecslm.scoring.intervals import CONFIDENCE, wilson_is_reliable

RECORDS = (20, 40, 200, 1_000)
DIFFERING = (0.02, 0.1, 0.3)
FIRST = (0.5, 0.8, 1.0)
BOTH = 0.4  # of the records that do not differ, both models get this share right
METHODS = ("ours", "Newcombe", "bootstrap")
HEADER = (
    f"| n | differing, % | first, % | {' | '.join(f'{m}, %' for m in METHODS)} "
    f"| {' | '.join(f'contradiction {m}, %' for m in METHODS)} | reliable, % "
    f"| coverage if reliable, % |\n{'|---' * 11}|"
)


def main(arguments: argparse.Namespace) -> None:
    """Simulate and print a row for each population and number of records."""
    print(HEADER)
    cells = list(product(RECORDS, DIFFERING, FIRST))
    for records, differing, first in tqdm(cells, leave=False):
        one, other = differing * first, differing * (1 - first)
        shares = [BOTH * (1 - differing), one, other, (1 - BOTH) * (1 - differing)]
        generator = np.random.default_rng([records, round(1_000 * differing), round(100 * first)])
        tally = simulate(shares, records, arguments, generator)
        samples = arguments.samples
        rates = [
            100 * tally[f"{what} {m}"] / samples for what in ("hit", "against") for m in METHODS
        ]
        reliable = tally["reliable"]
        of_reliable = f"{100 * tally['hit reliable'] / reliable:.1f}" if reliable else "--"
        print(
            f"| {records:,} | {100 * differing:.0f} | {100 * first:.0f} | "
            f"{' | '.join(f'{rate:.1f}' for rate in rates)} | {100 * reliable / samples:.0f} "
            f"| {of_reliable} |",
            flush=True,
        )


def simulate(
    shares: list[float], records: int, arguments: argparse.Namespace, generator: np.random.Generator
) -> Counter[str]:
    """Over the samples: intervals with the truth in them, and those that contradict the test."""
    tally: Counter[str] = Counter()
    truth = shares[1] - shares[2]
    for counts in generator.multinomial(records, shares, size=arguments.samples).tolist():
        table = PairedTable(*counts)
        drawn = generator.multinomial(records, np.array(counts) / records, arguments.resamples)
        difference = (counts[1] - counts[2]) / records
        resampled = (drawn[:, 1] - drawn[:, 2]) / records
        found = {
            "ours": consistent_interval(table, CONFIDENCE),
            "Newcombe": newcombe_paired_interval(table, CONFIDENCE),
            "bootstrap": difference_interval(difference, resampled, records, CONFIDENCE),
        }
        rejects = mcnemar_p(table) <= 1 - CONFIDENCE
        for name, (low, high) in found.items():
            tally[f"hit {name}"] += low <= truth <= high
            tally[f"against {name}"] += (low <= 0 <= high) == rejects
        if wilson_is_reliable(records, table.differing):
            low, high = found["ours"]
            tally["reliable"] += 1
            tally["hit reliable"] += low <= truth <= high
    return tally


def command_line() -> argparse.ArgumentParser:
    """The options of this benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=2_000, help="samples a row")
    parser.add_argument("--resamples", type=int, default=1_000, help="bootstrap resamples")
    return parser


if __name__ == "__main__":
    main(command_line().parse_args())
