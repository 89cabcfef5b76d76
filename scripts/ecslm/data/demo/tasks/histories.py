"""SR: what a customer buys next."""

import string
from random import Random

from ecslm.data.demo.catalogue_checks import MIN_HISTORY, OTHER_OPTIONS
from ecslm.data.demo.sampling import Sample, Task
from ecslm.data.demo.shelf import Shelf
from ecslm.data.demo.titles import capitals, short_title

LETTERS = string.ascii_uppercase[: OTHER_OPTIONS + 1]

ORDINALS = ("1st", "2nd", "3rd", "4th", "5th", "6th")

# Every position of the correct option is equally frequent.
STRATA = dict.fromkeys(LETTERS, 1.0)


def make_history(shelf: Shelf, stratum: str, rng: Random) -> Sample:
    """A customer who is loyal to a brand: only one option is of that brand."""
    products = shelf.by_brand[shelf.product(rng).brand]
    count = rng.randint(MIN_HISTORY, min(len(products), len(ORDINALS)) - 1)
    *history, target = rng.sample(products, count + 1)
    bought = []
    for ordinal, product in zip(ORDINALS, history, strict=False):
        style = f", {capitals(rng.choice(product.style))}" if rng.random() < 0.6 else ""
        bought.append(f"{ordinal}: {short_title(product)}{style}")
    others = [other for other in shelf.products if other.brand != target.brand]
    chosen = rng.sample(others, OTHER_OPTIONS)
    chosen.insert(LETTERS.index(stratum), target)
    options = [
        f"{letter}: {short_title(product)}" for letter, product in zip(LETTERS, chosen, strict=True)
    ]
    # As in the release: Python notation, not JSON.
    return Sample(repr(bought), stratum, repr(options))


TASKS = {"SR": Task("Sequential_Recommendation", STRATA, make_history, has_ood=True)}
