"""The products that a record may use, and how they relate to each other."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import TypeVar

from ecslm.data.demo.catalogue import Catalogue, Kind, Product

Key = TypeVar("Key", str, tuple[str, str])


@dataclass(frozen=True)
class Version:
    """A product in one style and size: what a listing sells."""

    product: Product
    style: str
    size: str


@dataclass(frozen=True)
class Shelf:
    """The in-domain categories, or the out-of-domain one."""

    catalogue: Catalogue
    ood: bool

    @cached_property
    def category_of(self) -> dict[str, str]:
        """The category of each kind."""
        return {
            kind: name
            for name, category in self.catalogue.categories.items()
            for kind in category.kinds
            if (name == self.catalogue.ood) == self.ood
        }

    @cached_property
    def kinds(self) -> dict[str, Kind]:
        """The kinds by name."""
        categories = self.catalogue.categories
        return {kind: categories[name].kinds[kind] for kind, name in self.category_of.items()}

    @cached_property
    def products(self) -> tuple[Product, ...]:
        """All products of the shelf."""
        return tuple(
            product
            for name, category in self.catalogue.categories.items()
            if (name == self.catalogue.ood) == self.ood
            for product in category.products
        )

    @cached_property
    def by_kind(self) -> dict[str, tuple[Product, ...]]:
        """The products of each kind."""
        return grouped((product.kind, product) for product in self.products)

    @cached_property
    def by_set(self) -> dict[tuple[str, str], tuple[Product, ...]]:
        """The products of each category and set."""
        return grouped((self.set_of(product), product) for product in self.products)

    @cached_property
    def by_brand(self) -> dict[str, tuple[Product, ...]]:
        """The products of each brand."""
        return grouped((product.brand, product) for product in self.products)

    @cached_property
    def feature_names(self) -> dict[str, tuple[str, ...]]:
        """The feature attributes that occur in each category, in order of first use."""
        names: dict[str, dict[str, None]] = {}
        for product in self.products:
            names.setdefault(self.category_of[product.kind], {}).update(
                dict.fromkeys(product.features)
            )
        return {category: tuple(attributes) for category, attributes in names.items()}

    def set_of(self, product: Product) -> tuple[str, str]:
        """The category and set that the product is used in."""
        return self.category_of[product.kind], self.kinds[product.kind].set

    def product(self, rng: Random) -> Product:
        """Any product."""
        return rng.choice(self.products)

    def rival(self, product: Product, rng: Random) -> Product:
        """The same kind from another brand."""
        return rng.choice([other for other in self.by_kind[product.kind] if other is not product])

    def partner(self, product: Product, rng: Random) -> Product:
        """Another kind that is used together with the product."""
        mates = self.by_set[self.set_of(product)]
        return rng.choice([other for other in mates if other.kind != product.kind])

    def stranger(self, product: Product, rng: Random) -> Product:
        """A product of another category."""
        while True:
            other = self.product(rng)
            if self.category_of[other.kind] != self.category_of[product.kind]:
                return other


def grouped(pairs: Iterable[tuple[Key, Product]]) -> dict[Key, tuple[Product, ...]]:
    """Products by key, in catalogue order."""
    groups: dict[Key, list[Product]] = {}
    for key, product in pairs:
        groups.setdefault(key, []).append(product)
    return {key: tuple(products) for key, products in groups.items()}


def any_version(product: Product, rng: Random) -> Version:
    """The product in any style and size."""
    return Version(product, rng.choice(product.style), rng.choice(product.size))


def versions(product: Product) -> list[Version]:
    """The product in every style and size."""
    return [Version(product, style, size) for style in product.style for size in product.size]


def other_version(version: Version, rng: Random) -> Version:
    """The same product in another style or size."""
    return rng.choice([other for other in versions(version.product) if other != version])
