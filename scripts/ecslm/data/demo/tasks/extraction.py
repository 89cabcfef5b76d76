"""AVE: find the values of attributes in a listing."""

import json
from random import Random

from ecslm.data.demo.sampling import Sample, Task
from ecslm.data.demo.shelf import Shelf, Version, any_version
from ecslm.data.demo.titles import any_title

TITLE, FEATURE, DESCRIPTION = "product title", "product feature", "product description"

# Value and source of an attribute that the listing does not state.
ABSENT = ("None", "None")

# (number of attributes that the listing states, number of absent ones): a quarter are absent.
STRATA = {(1, 0): 0.30, (1, 1): 0.30, (2, 0): 0.30, (0, 1): 0.10}

# Where the features are written; None leaves them out.
FEATURE_FIELDS = (FEATURE, FEATURE, DESCRIPTION, None, None)


def make_extraction(shelf: Shelf, stratum: tuple[int, int], rng: Random) -> Sample:
    """A listing and one or two target attributes, some of them absent from it."""
    version = any_version(shelf.product(rng), rng)
    product = version.product
    stated_count, absent_count = stratum
    names = shelf.feature_names[shelf.category_of[product.kind]]
    # A product with every feature of its category has absent ones only when none are written.
    field = rng.choice(FEATURE_FIELDS) if len(product.features) < len(names) else None
    listing = {TITLE: any_title(version, rng)}
    if field is not None:
        sentences = [
            shelf.catalogue.feature_sentences[attribute].format(value=value)
            for attribute, value in product.features.items()
        ]
        listing[field] = " ".join([product.description] * (field == DESCRIPTION) + sentences)

    stated = stated_attributes(shelf, version, field)
    unstated = [attribute for attribute in names if attribute not in stated]
    targets = rng.sample(list(stated), stated_count) + rng.sample(unstated, absent_count)
    rng.shuffle(targets)
    listing["target attributes"] = " and ".join(target.capitalize() for target in targets)
    entries = [
        {"attribute": target, "value": value, "source": source}
        for target in targets
        for value, source in stated.get(target, [ABSENT])
    ]
    return Sample(json.dumps(listing), json.dumps(entries))


def stated_attributes(
    shelf: Shelf, version: Version, feature_field: str | None
) -> dict[str, list[tuple[str, str]]]:
    """Each attribute that the listing states, with its values and their fields."""
    kind = shelf.kinds[version.product.kind]
    stated = {
        "brand": [(version.product.brand.lower(), TITLE)],
        kind.style: [(version.style.lower(), TITLE)],
        kind.size: [(version.size.lower(), TITLE)],
    }
    if feature_field is not None:
        for attribute, value in version.product.features.items():
            stated[attribute] = [(part.lower(), feature_field) for part in value.split(" and ")]
    return stated


TASKS = {"AVE": Task("Attribute_Value_Extraction", STRATA, make_extraction, has_ood=True)}
