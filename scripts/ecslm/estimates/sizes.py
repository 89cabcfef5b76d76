"""The sizes of a model that decide what it takes to run it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from ecslm.models.architecture import (
    HEAD,
    Architecture,
    llama_architecture,
    updated_layers,
)

# Names of embeddings that do not say so: GPT-2's.
EMBEDDINGS = ("wte", "wpe")


@dataclass(frozen=True)
class Sizes:
    """Sizes of a model, all of whose layers are known."""

    architecture: Architecture
    tied: bool
    """Whether the embedding is also the output head."""

    @cached_property
    def depth(self) -> int:
        """Layers, or blocks, one after another."""
        return self.architecture.depth or 1

    @cached_property
    def vocabulary(self) -> int:
        """Rows of the output head."""
        return self._shapes[HEAD][0]

    @cached_property
    def hidden(self) -> int:
        """Width of the states between layers."""
        return self._shapes[HEAD][1]

    @cached_property
    def queries(self) -> int:
        """Width of all queries of a layer."""
        return self._width("q_proj")

    @cached_property
    def keys(self) -> int:
        """Width of all keys of a layer, which that of the values equals."""
        return self._width("k_proj")

    @cached_property
    def inner(self) -> int:
        """Width inside of the feed-forward part of a layer."""
        sides = (side for name in self._blocks for side in self._shapes[name])
        return max(sides, default=self.hidden)

    @cached_property
    def embedding(self) -> int:
        """Weights of the embedding; as many has the head."""
        return self.vocabulary * self.hidden

    @cached_property
    def linear(self) -> int:
        """Weights of all matrices but embedding and head: those that are quantised."""
        return sum(rows * columns for rows, columns in map(self._shapes.__getitem__, self._blocks))

    @cached_property
    def stored(self) -> int:
        """Weights of the whole model, each once."""
        return self.linear + self.embedding * (1 if self.tied else 2)

    def updates(self, rank: int, targets: Iterable[str]) -> tuple[int, int]:
        """Parameters of a low-rank update: of the head, and of all other layers."""
        wanted = rank, tuple(targets)
        if wanted not in self._updates:
            self._updates[wanted] = self._count(*wanted)
        return self._updates[wanted]

    @cached_property
    def _updates(self) -> dict[tuple[int, tuple[str, ...]], tuple[int, int]]:
        # Counting them takes longer than all else of an estimate.
        return {}

    def _count(self, rank: int, targets: tuple[str, ...]) -> tuple[int, int]:
        found = {
            name: rank * sum(shape)
            for name, shape in updated_layers(self.architecture, targets).items()
            if shape is not None
        }
        of_head = found.pop(HEAD, 0)
        return of_head, sum(found.values())

    @cached_property
    def _shapes(self) -> dict[str, tuple[int, int]]:
        return {name: shape for name, shape in self.architecture.layers.items() if shape}

    @cached_property
    def _blocks(self) -> tuple[str, ...]:
        return tuple(name for name in self._shapes if name != HEAD and not _is_embedding(name))

    def _width(self, layer: str) -> int:
        named = (shape[0] for name, shape in self._shapes.items() if name.endswith(layer))
        # Architectures that name them otherwise mostly have as many keys as queries.
        return next(named, self.hidden)


def _is_embedding(name: str) -> bool:
    """Whether a layer is looked up: of tokens, positions or kinds of tokens."""
    last = name.rpartition(".")[2]
    return "emb" in last or last in EMBEDDINGS


def sizes_of_row(row: Mapping[str, str]) -> Sizes:
    """The sizes of a row of resources/architectures.csv."""
    return Sizes(llama_architecture(row), tied=row["tie_word_embeddings"] == "true")


def sizes_of(architecture: Architecture) -> Sizes | None:
    """The sizes of a model that is known from its files; None if not all of them are known.

    Files do not say whether the head is tied: it is counted as a matrix of its own.
    """
    layers = architecture.layers
    known = architecture.depth and layers.get(HEAD) and all(layers.values())
    return Sizes(architecture, tied=False) if known else None
