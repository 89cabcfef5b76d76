"""How a product is named in listings."""

import string
from random import Random

from ecslm.data.demo.catalogue import Product
from ecslm.data.demo.shelf import Version

LAYOUTS = (
    "{brand} {series} {kind}, {style}, {size}",
    "{brand} {kind} {series} - {style}, {size}",
    "{series} {kind} by {brand} ({style}, {size})",
    "{brand} {series} {style} {kind} {size}",
)


def capitals(text: str) -> str:
    """Title case that leaves the letter after an apostrophe alone."""
    return string.capwords(text)


def full_title(version: Version, layout: str) -> str:
    """A listing's title with all that identifies the version."""
    product = version.product
    return layout.format(
        brand=product.brand,
        series=product.series,
        kind=capitals(product.kind),
        style=capitals(version.style),
        size=version.size,
    )


def any_title(version: Version, rng: Random) -> str:
    """A full title in any layout."""
    return full_title(version, rng.choice(LAYOUTS))


def plain_title(version: Version) -> str:
    """Brand and kind with style and size."""
    return f"{short_title(version.product)}, {capitals(version.style)}, {version.size}"


def short_title(product: Product) -> str:
    """Brand and kind alone."""
    return f"{product.brand} {capitals(product.kind)}"
