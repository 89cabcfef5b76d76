"""PRP: how two products relate."""

import json
from random import Random

from ecslm.data.demo.sampling import Sample, Task
from ecslm.data.demo.shelf import Shelf, any_version, other_version
from ecslm.data.demo.titles import plain_title

OPTIONS = json.dumps(
    [
        "A: bought together",
        "B: viewed together",
        "C: similar",
    ]
)

STRATA = {"A": 0.40, "B": 0.32, "C": 0.28}


def make_relation(shelf: Shelf, stratum: str, rng: Random) -> Sample:
    """Two titles: products used together (A), competing ones (B), or versions of one (C)."""
    first = any_version(shelf.product(rng), rng)
    if stratum == "A":
        second = any_version(shelf.partner(first.product, rng), rng)
    elif stratum == "B":
        second = any_version(shelf.rival(first.product, rng), rng)
    else:
        second = other_version(first, rng)
    # The colon in the keys is as in the release.
    pair = {"Product 1:": plain_title(first), "Product 2:": plain_title(second)}
    return Sample(json.dumps(pair), stratum, OPTIONS)


TASKS = {"PRP": Task("Product_Relation_Prediction", STRATA, make_relation, has_ood=True)}
