"""Checks of the demo shop's catalogue: every record made from it must be solvable."""

import re
import string
from collections import Counter
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.data.demo.catalogue import Catalogue, Category, Product, read_yaml

# Snippets in the document of a question.
SNIPPETS = 3

# The shortest purchase history, and the number of wrong options for its next item.
MIN_HISTORY = 3
OTHER_OPTIONS = 4

REVIEW_LEVELS = ("very positive", "positive", "neutral", "negative", "very negative")

REVIEW_CLAUSES = {"praise", "praise_2", "complaint", "complaint_2"}


def load_catalogue(path: Path) -> Catalogue:
    """Read and check the catalogue.

    Raises:
        InputError: the file cannot be read, or something would make a record unsolvable.
    """
    catalogue = read_yaml(path, Catalogue)
    problems = [
        f"{name}, {product.brand} {product.kind}: {problem}"
        for name, category in catalogue.categories.items()
        for product in category.products
        for problem in product_problems(catalogue, category, product)
    ]
    problems += shop_problems(catalogue) + wording_problems(catalogue)
    if problems:
        raise InputError(*(f"{path}: {problem}" for problem in problems))
    return catalogue


def product_problems(catalogue: Catalogue, category: Category, product: Product) -> list[str]:
    """What would make the product's records ambiguous or impossible to generate."""
    problems = []
    if product.kind not in category.kinds:
        problems.append("its kind is not among the category's `kinds`; add it there")
    for attribute, value in product.features.items():
        if attribute not in catalogue.feature_sentences:
            problems.append(f"feature {attribute!r} has no entry in `feature_sentences`; add one")
        title = f"{product.brand} {product.series} {product.kind} {' '.join(product.style)}"
        if any(contains_word(text, value) for text in (product.description, title)):
            problems.append(f"{attribute} {value!r} is in the title or description; reword")
    for topic, fact in product.facts.items():
        if topic not in catalogue.topics:
            problems.append(f"fact {topic!r} is not among `topics`; add it there")
        elif len(catalogue.unrelated_snippets(product, topic)) < SNIPPETS:
            problems.append(f"fewer than {SNIPPETS} snippets do not mention {topic!r}; reword some")
        elif not catalogue.topics[topic].is_mentioned_in(fact):
            problems.append(f"the fact on {topic!r} contains none of the topic's `words`; reword")
    return problems


def shop_problems(catalogue: Catalogue) -> list[str]:
    """What would make products hard to tell apart or to compare."""
    problems = []
    if catalogue.ood not in catalogue.categories:
        problems.append(f"ood: {catalogue.ood!r} is not among `categories`")
    owner: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    for name, category in catalogue.categories.items():
        words = {product.brand for product in category.products} | set(category.kinds)
        for word in sorted(words):
            if owner.setdefault(word, name) != name:
                problems.append(f"{word!r} occurs in {owner[word]} and {name}; rename one")
        for product in category.products:
            if (product.brand, product.kind) in seen:
                problems.append(f"{product.brand} has two products of kind {product.kind!r}")
            seen.add((product.brand, product.kind))
        problems += [f"{name}: {problem}" for problem in supply_problems(category)]
    if len(catalogue.categories) < 3:
        problems.append("categories: at least two besides the out-of-domain one are needed")
    return problems


def supply_problems(category: Category) -> list[str]:
    """What a category has too few of: products of a kind, set or brand, or of other brands."""
    problems = []
    kinds = Counter(product.kind for product in category.products)
    brands = Counter(product.brand for product in category.products)
    sets = Counter(kind.set for kind in category.kinds.values())
    for kind in category.kinds:
        if kinds[kind] < 2:
            problems.append(f"kind {kind!r} has {kinds[kind]} products; two brands are needed")
    for name, count in sets.items():
        if count < 2:
            problems.append(f"set {name!r} has one kind; at least two are used together")
    for brand, count in brands.items():
        if count < MIN_HISTORY + 1:
            problems.append(f"{brand} has {count} products; {MIN_HISTORY + 1} make a history")
        if len(category.products) - count < OTHER_OPTIONS:
            problems.append(f"fewer than {OTHER_OPTIONS} products are not of {brand}; add some")
    return problems


def wording_problems(catalogue: Catalogue) -> list[str]:
    """Sentences with a placeholder that nothing fills, and missing review levels."""
    sentences = [
        (f"feature_sentences.{name}", text, {"value"})
        for name, text in catalogue.feature_sentences.items()
    ]
    for name, topic in catalogue.topics.items():
        sentences += [(f"topics.{name}", text, {"kind"}) for text in topic.questions]
    for name, parts in catalogue.reviews.items():
        sentences += [(f"reviews.{name}.openings", text, {"kind"}) for text in parts.openings]
        sentences += [(f"reviews.{name}.bodies", text, REVIEW_CLAUSES) for text in parts.bodies]
    problems = [
        f"{where}: {text!r}: only {', '.join(sorted(names))} may be in braces; reword it"
        for where, text, names in sentences
        if not placeholders(text) <= names
    ]
    missing = [level for level in REVIEW_LEVELS if level not in catalogue.reviews]
    return problems + [f"reviews: the level {level!r} is missing; add it" for level in missing]


def placeholders(text: str) -> set[str]:
    """The names in braces; for text with unbalanced braces, the invalid name `{`."""
    try:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    except ValueError:
        return {"{"}


def contains_word(text: str, value: str) -> bool:
    """Whether the text has the value, or a part of one such as `oak and steel`, as a word."""
    return any(
        re.search(rf"\b{re.escape(part)}\b", text, re.IGNORECASE) for part in value.split(" and ")
    )
