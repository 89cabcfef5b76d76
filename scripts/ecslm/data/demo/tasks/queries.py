"""MPC, PSI, QPR: how well a product fits a query (exact, substitute, complement, irrelevant)."""

import html
import json
from dataclasses import dataclass
from random import Random

from ecslm.common.errors import InputError
from ecslm.data.demo.sampling import Sample, Task
from ecslm.data.demo.shelf import Shelf, Version, any_version, versions
from ecslm.data.demo.titles import plain_title, short_title

LABELS = "ESCI"

LETTERS = "ABC"

OPTIONS = {
    "E": "A: exact match",
    "S": "B: substitute",
    "C": "C: complement",
    "I": "D: irrelevant",
}

# What a query may ask for besides the kind.
WISHES = (("brand",), ("brand", "style"), ("brand", "size"))

MPC_STRATA = {"E": 0.25, "S": 0.25, "C": 0.25, "I": 0.25}

PSI_STRATA = {"S": 0.26, "E": 0.40, "C": 0.15, "I": 0.19}

PSI_TRAINING = {"S": 0.5, "E": 0.3, "C": 0.1, "I": 0.1}

# (number of products, position of the exact match)
QPR_STRATA = {
    (size, place): share / size for size, share in ((2, 0.6), (3, 0.4)) for place in range(size)
}


@dataclass(frozen=True)
class Query:
    """A search for a version; `wishes` are the traits that it asks for."""

    wanted: Version
    wishes: tuple[str, ...]
    text: str

    def wishes_met(self, version: Version) -> int:
        """How many of the traits asked for a version has."""
        return sum(trait(version, wish) == trait(self.wanted, wish) for wish in self.wishes)


def trait(version: Version, wish: str) -> str:
    """The version's value of a trait."""
    traits = {"brand": version.product.brand, "style": version.style, "size": version.size}
    return traits[wish]


def make_query(wanted: Version, rng: Random) -> Query:
    """A query as a customer types it: lower case, no HTML entities, in the order of titles."""
    wishes = rng.choice(WISHES)
    traits = [trait(wanted, wish) for wish in wishes if wish != "brand"]
    words = [short_title(wanted.product), *traits]
    return Query(wanted, wishes, html.unescape(" ".join(words)).lower())


def find_version(shelf: Shelf, query: Query, label: str, rng: Random) -> Version:
    """A version whose relevance to the query is `label`.

    Raises:
        InputError: the catalogue has none.
    """
    wanted = query.wanted.product
    if label == "C":
        return any_version(shelf.partner(wanted, rng), rng)
    if label == "I":
        return any_version(shelf.stranger(wanted, rng), rng)
    met = len(query.wishes) if label == "E" else 0
    found = [
        version
        for product in shelf.by_kind[wanted.kind]
        for version in versions(product)
        if query.wishes_met(version) == met
    ]
    if not found:
        raise InputError(
            f"demo data: no {wanted.kind} differs from that of {wanted.brand} in "
            f"{' and '.join(query.wishes)}: add one to the catalogue"
        )
    return rng.choice(found)


def result_title(version: Version) -> str:
    """A title in lower case, as the query is: equal words are equal for the tokenizer too."""
    return html.unescape(plain_title(version)).lower()


def make_pair(shelf: Shelf, label: str, rng: Random) -> tuple[str, str]:
    """A query and the title of a product whose relevance to it is `label`."""
    query = make_query(any_version(shelf.product(rng), rng), rng)
    return query.text, result_title(find_version(shelf, query, label, rng))


def make_classification(shelf: Shelf, stratum: str, rng: Random) -> Sample:
    """MPC: the stratum is the label."""
    query, title = make_pair(shelf, stratum, rng)
    pair = json.dumps({"query": query, "product title": title})
    return Sample(pair, OPTIONS[stratum], json.dumps(list(OPTIONS.values())))


def make_substitute(shelf: Shelf, stratum: str, rng: Random) -> Sample:
    """PSI: yes for a substitute, no for any other label."""
    query, title = make_pair(shelf, stratum, rng)
    pair = json.dumps({"query": query, "product": title})
    return Sample(pair, "yes" if stratum == "S" else "no")


def make_ranking(shelf: Shelf, stratum: tuple[int, int], rng: Random) -> Sample:
    """QPR: an exact match at a given position and one or two products of other labels."""
    size, place = stratum
    exact, *others = tuple(LABELS)
    rest = rng.sample(others, size - 1)
    labels = (*rest[:place], exact, *rest[place:])
    query = make_query(any_version(shelf.product(rng), rng), rng)
    titles = [result_title(find_version(shelf, query, label, rng)) for label in labels]
    letters = LETTERS[:size]
    listed = [f"{letter}: {title}" for letter, title in zip(letters, titles, strict=True)]
    ranked = sorted(letters, key=lambda letter: LABELS.index(labels[letters.index(letter)]))
    question = json.dumps({"query": query.text, "product list": listed})
    return Sample(question, ",".join(ranked), relevance=labels)


TASKS = {
    "MPC": Task("Multiclass_Product_Classification", MPC_STRATA, make_classification, False),
    "PSI": Task(
        "Product_Substitute_Identification", PSI_STRATA, make_substitute, False, PSI_TRAINING
    ),
    "QPR": Task("Query_Product_Rank", QPR_STRATA, make_ranking, False),
}
