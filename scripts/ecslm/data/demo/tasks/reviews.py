"""SA: the sentiment of a review."""

import json
from random import Random

from ecslm.data.demo.catalogue_checks import REVIEW_LEVELS
from ecslm.data.demo.sampling import Sample, Task
from ecslm.data.demo.shelf import Shelf

OPTIONS = [f"{letter}: {level}" for letter, level in zip("ABCDE", REVIEW_LEVELS, strict=True)]

STRATA = dict(zip(OPTIONS, (0.28, 0.22, 0.16, 0.16, 0.18), strict=True))


def make_review(shelf: Shelf, stratum: str, rng: Random) -> Sample:
    """A review whose opening, content and closing all agree with its level."""
    product = shelf.product(rng)
    parts = shelf.catalogue.reviews[stratum.split(": ")[1]]
    praise, praise_2 = rng.sample(product.praise, 2)
    complaint, complaint_2 = rng.sample(product.complaints, 2)
    sentences = [
        rng.choice(parts.openings).format(kind=product.kind),
        rng.choice(parts.bodies).format(
            praise=praise, praise_2=praise_2, complaint=complaint, complaint_2=complaint_2
        ),
        rng.choice(parts.closings),
    ]
    if rng.random() < 0.3:
        sentences.insert(1, f"I ordered {rng.choice(product.style)}, {rng.choice(product.size)}.")
    text = " ".join(sentence[0].upper() + sentence[1:] for sentence in sentences)
    return Sample(text, stratum, json.dumps(OPTIONS))


TASKS = {"SA": Task("Sentiment_Analysis", STRATA, make_review, has_ood=True)}
