"""PM: are two listings the same product?"""

import json
import math
from random import Random

from ecslm.data.demo.sampling import Sample, Task
from ecslm.data.demo.shelf import Shelf, Version, any_version
from ecslm.data.demo.titles import LAYOUTS, full_title

# (answer, whether a description is missing): 45 % yes, and one row in nine has a bare NaN.
STRATA = {
    ("yes", True): 0.45 / 9,
    ("yes", False): 0.45 * 8 / 9,
    ("no", True): 0.55 / 9,
    ("no", False): 0.55 * 8 / 9,
}

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
            (second, layouts[1], short_description(second)),
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


def short_description(version: Version) -> str:
    """A short description, as another shop might write it."""
    return f"{version.style} {version.product.kind} {version.product.series}"


TASKS = {"PM": Task("Product_Matching", STRATA, make_matching, has_ood=False)}
