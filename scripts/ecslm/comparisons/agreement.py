"""How often the two sides of a comparison give the same answer."""

from collections.abc import Sequence
from itertools import product

import numpy as np

from ecslm.comparisons.sides import Sides
from ecslm.scoring.frequent import agreement


def agreement_of(sides: Sides, shared: Sequence[str]) -> dict[str, float | None]:
    """The fields of a `Difference`, from the samples that both sides have."""
    pairs = [
        agreement([one[sample] for sample in shared], [other[sample] for sample in shared])
        for one, other in product(sides.first.answers, sides.second.answers)
        if shared
    ]
    same, by_chance = np.mean(pairs, axis=0).tolist() if pairs else (None, None)
    return {"agreement": same, "agreement_by_chance": by_chance}
