"""PM: are two listings the same product?"""

import json
import math
from random import Random

from ecslm.data.demo.sampling import Sample, Task
from ecslm.data.demo.shelf import Shelf, Version, any_version
from ecslm.data.demo.titles import LAYOUTS, full_title

# One row in nine lacks a description: a bare NaN.
LACKING = 1 / 9


def strata(yes: float) -> dict[tuple[str, bool], float]:
    """The shares of (answer, whether a description is missing), given the share of `yes`."""
    return {
        (answer, lacks): share * (LACKING if lacks else 1 - LACKING)
        for answer, share in (("yes", yes), ("no", 1 - yes))
        for lacks in (True, False)
    }


STRATA = strata(0.35)
TRAINING = strata(0.5)

# Largest relative difference between the prices of two shops for one product.
PRICE_SPREAD = 0.08


def make_matching(shelf: Shelf, stratum: tuple[str, bool], rng: Random) -> Sample:
    """Two shops' listings: of one product, or of two that compete or have the same brand."""
    answer, lacks_description = stratum
    first = any_version(shelf.product(rng), rng)
    if answer == "yes":
        second = first
    elif rng.random() < 0.5:
        second = any_version(shelf.rival(first.product, rng), rng)
    else:
        siblings = shelf.by_brand[first.product.brand]
        second = any_version(
            rng.choice([other for other in siblings if other is not first.product]), rng
        )
    layouts = rng.sample(LAYOUTS, 2)
    listings = [
        listing(version, layout, description, rng)
        for version, layout, description in (
            (first, layouts[0], first.product.description),
            (second, layouts[1], second.product.description),
        )
    ]
    if lacks_description:
        rng.choice(listings)["description"] = math.nan
    rng.shuffle(listings)
    # The release writes NaN bare, as Python's json does.
    return Sample(json.dumps({"product 1": listings[0], "product 2": listings[1]}), answer)


def listing(version: Version, layout: str, description: str, rng: Random) -> dict[str, object]:
    """A shop's lower-case entry for the version, at a price of its own."""
    price = version.product.price * rng.uniform(1 - PRICE_SPREAD / 2, 1 + PRICE_SPREAD / 2)
    return {
        "title": full_title(version, layout).lower(),
        "description": description.lower(),
        "manufacturer": version.product.brand.lower(),
        "price": f"{price:.2f}",
    }


TASKS = {"PM": Task("Product_Matching", STRATA, make_matching, False, TRAINING)}
