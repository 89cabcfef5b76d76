"""AP and AG: a customer's question and snippets about the product."""

import json
from random import Random

from ecslm.data.demo.catalogue import Product
from ecslm.data.demo.catalogue_checks import SNIPPETS
from ecslm.data.demo.sampling import Sample, Task
from ecslm.data.demo.shelf import Shelf

AP_STRATA = {"yes": 0.37, "no": 0.63}

AP_TRAINING = {"yes": 0.5, "no": 0.5}

# Whether the fact is preceded by a lead-in in its snippet.
AG_STRATA = {True: 0.3, False: 0.7}


def make_answerability(shelf: Shelf, stratum: str, rng: Random) -> Sample:
    """AP: the fact that answers the question is among the snippets, or it is not."""
    product = shelf.product(rng)
    topic = rng.choice(list(product.facts))
    snippets = other_snippets(shelf, product, topic, rng)
    if stratum == "yes":
        snippets[rng.randrange(len(snippets))] = product.facts[topic]
    return Sample(document(shelf, product, topic, snippets, rng), stratum)


def make_answer(shelf: Shelf, stratum: bool, rng: Random) -> Sample:
    """AG: the answer is the fact, word for word, without the lead-in of its snippet."""
    product = shelf.product(rng)
    topic = rng.choice(list(product.facts))
    fact = product.facts[topic]
    snippets = other_snippets(shelf, product, topic, rng)
    lead = f"{rng.choice(shelf.catalogue.leads)} " if stratum else ""
    snippets[rng.randrange(len(snippets))] = lead + fact
    return Sample(document(shelf, product, topic, snippets, rng), fact)


def other_snippets(shelf: Shelf, product: Product, topic: str, rng: Random) -> list[str]:
    """Sentences about the product that do not mention the topic."""
    return rng.sample(shelf.catalogue.unrelated_snippets(product, topic), SNIPPETS)


def document(shelf: Shelf, product: Product, topic: str, snippets: list[str], rng: Random) -> str:
    """The question with its snippets, in the form of the release."""
    question = rng.choice(shelf.catalogue.topics[topic].questions).format(kind=product.kind)
    return json.dumps({"question": question, "document": snippets})


TASKS = {
    "AP": Task("Answerability_Prediction", AP_STRATA, make_answerability, True, AP_TRAINING),
    "AG": Task("Answer_Generation", AG_STRATA, make_answer, has_ood=True),
}
