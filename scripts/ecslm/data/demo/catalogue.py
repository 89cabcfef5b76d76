"""The schema of the demo shop's catalogue, and a reader of YAML files with a schema."""

import re
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field

from ecslm.common.errors import InputError
from ecslm.common.files import Model, read_text
from ecslm.common.validation import validated
from ecslm.common.yaml_loader import YAML_LOADER
from ecslm.schemas.settings import Closed

Pair = Annotated[tuple[str, ...], Field(min_length=2)]


class Topic(Closed):
    """A topic of questions. Every answer contains one of `words` (beginnings of words)."""

    questions: Pair
    words: Annotated[tuple[str, ...], Field(min_length=1)]

    def is_mentioned_in(self, text: str) -> bool:
        """Whether the text could be taken as an answer."""
        beginnings = "|".join(re.escape(word) for word in self.words)
        return re.search(rf"\b(?:{beginnings})", text, re.IGNORECASE) is not None


class ReviewParts(Closed):
    """Sentences that make up a review of one level."""

    openings: Pair
    bodies: Annotated[tuple[str, ...], Field(min_length=1)]
    closings: Pair


class Kind(Closed):
    """A kind of product: the set it is used in, and the attributes that its versions differ in."""

    set: str
    style: str
    size: str


class Product(Closed):
    """A product in all its versions."""

    brand: str
    series: str
    kind: str
    price: Annotated[float, Field(gt=0)]
    style: Pair
    size: Pair
    features: Annotated[dict[str, str], Field(min_length=1)]
    description: str
    praise: Pair
    complaints: Pair
    facts: Annotated[dict[str, str], Field(min_length=2)]

    @property
    def reviews(self) -> list[str]:
        """All praise and complaints, as sentences."""
        return [f"{clause[0].upper()}{clause[1:]}." for clause in self.praise + self.complaints]


class Category(Closed):
    """Products of one department."""

    kinds: dict[str, Kind]
    products: tuple[Product, ...]


class Catalogue(Closed):
    """The shop. The category `ood` never occurs in training."""

    ood: str
    feature_sentences: dict[str, str]
    topics: dict[str, Topic]
    leads: Pair
    reviews: dict[str, ReviewParts]
    categories: dict[str, Category]

    def unrelated_snippets(self, product: Product, topic: str) -> list[str]:
        """Facts and reviews of the product that do not mention the topic."""
        facts = [fact for name, fact in product.facts.items() if name != topic]
        asked = self.topics[topic]
        return [text for text in facts + product.reviews if not asked.is_mentioned_in(text)]


def read_yaml(path: Path, model: type[Model]) -> Model:
    """Read a YAML file, validating it against `model`.

    Raises:
        InputError: the file is missing, not YAML, or a field of it is wrong.
    """
    try:
        value = yaml.load(read_text(path), Loader=YAML_LOADER)
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not YAML ({' '.join(str(error).split())})") from None
    return validated(model, value, path)
