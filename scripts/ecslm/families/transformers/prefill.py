"""Reading the prompts of a batch: their keys and values, and their last hidden states.

Token prefixes that several prompts of a batch begin with are computed once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import torch
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer

from ecslm.families.transformers.network import Network, States
from ecslm.models.prompts import batches_by_length, common_length

Prompts = Sequence[Sequence[int]]

# Tokens that are read at once: on a CPU what its caches hold, on a GPU what keeps it busy.
CHUNK = {"cpu": 1024, "cuda": 16384}

# Tokens that take about as long to read as starting to read them.
WORTH = {"cpu": 64, "cuda": 2048}


@dataclass
class Reading:
    """A batch whose prompts were read. Rows are in another order, and padded on the left."""

    order: list[int]
    """The prompt of each row."""
    hidden: torch.Tensor
    """Hidden states of the last tokens, rows x size."""
    cache: Cache
    """Keys and values of all prompts, with room for the answers."""
    mask: torch.Tensor
    """Mask of the cache, its room included, rows x tokens; 0: padding."""

    def keep(self, places: Sequence[int]) -> None:
        """Keep the rows in some places: the last ones move to the places that become free."""
        count = len(places)
        if count == len(self.order):
            return
        sources = [place for place in places if place >= count]
        targets = sorted(set(range(count)) - set(places))
        for source, target in zip(sources, targets, strict=True):
            self.order[target] = self.order[source]
        del self.order[count:]
        if sources:
            self.mask[targets] = self.mask[sources]
        self.mask = self.mask[:count]
        for layer in self.cache.layers:
            layer.move(sources, targets, count)


@dataclass(frozen=True)
class _Row:
    prompt: int
    prefix: States | None
    rest: Sequence[int]

    @property
    def known(self) -> int:
        """Tokens of the prefix."""
        return 0 if self.prefix is None else self.prefix[0][0].shape[2]


def read(network: Network, prompts: Prompts, room: int) -> Reading:
    """Read prompts. A prefix that several of them share is computed once, or not at all if those of
    the batch before shared it.

    Args:
        room: tokens to leave room for in the cache.
    """
    # Nothing is shared where padding between tokens would count.
    worth = None if network.counts_padding else WORTH[network.device.type]
    rows = []
    kept, network.prefixes = network.prefixes, {}
    for prompt, lengths in shared_prefixes(prompts, worth):
        *parts, rest = (
            tuple(prompts[prompt][start:end]) for start, end in pairwise((0, *lengths, None))
        )
        prefix = None
        for count, part in enumerate(parts, start=1):
            key = tuple(parts[:count])
            if key not in network.prefixes:
                row = _Row(prompt, prefix, part)
                network.prefixes[key] = kept.get(key) or _read_chunk(network, [row])[1]
            prefix = network.prefixes[key]
        rows.append(_Row(prompt, prefix, rest))
    # Before the memory is needed.
    kept.clear()
    chunks = [
        [rows[index] for index in chunk]
        for chunk in batches_by_length(
            range(len(rows)), [len(row.rest) for row in rows], CHUNK[network.device.type]
        )
    ]
    width = max(sum(_widths(chunk)) for chunk in chunks)
    mask = network.tensor([[0] * width + [1] * room] * len(rows))
    order: list[int] = []
    hidden: list[torch.Tensor] = []
    rooms: States = []
    for chunk in chunks:
        last, states, chunk_mask = _read_chunk(network, chunk)
        rooms = rooms or [
            (_room(keys, len(rows), width + room), _room(values, len(rows), width + room))
            for keys, values in states
        ]
        place, start = slice(len(order), len(order) + len(chunk)), width - chunk_mask.shape[1]
        mask[place, start:width] = chunk_mask
        _fill(rooms, place, start, states)
        hidden.append(last)
        order += [row.prompt for row in chunk]
    layers = [PreallocatedLayer(keys, values, width) for keys, values in rooms]
    return Reading(order, torch.cat(hidden), Cache(layers=layers), mask)


def _widths(rows: Sequence[_Row]) -> tuple[int, int]:
    """The most tokens of a prefix, and of a rest."""
    return max(row.known for row in rows), max(len(row.rest) for row in rows)


def _read_chunk(
    network: Network, rows: Sequence[_Row]
) -> tuple[torch.Tensor, States, torch.Tensor]:
    """Hidden states of the last tokens, keys and values, and their mask.

    Each row is padding, its prefix, padding, its rest.
    """
    known, longest = _widths(rows)
    tokens, mask, positions = [], [], []
    cache = DynamicCache()
    if like := next((row.prefix for row in rows if row.prefix is not None), None):
        size = len(rows), known + longest
        rooms = [(_room(keys, *size), _room(values, *size)) for keys, values in like]
        cache = Cache(layers=[PreallocatedLayer(keys, values, known) for keys, values in rooms])
    for place, row in enumerate(rows):
        padding = [0] * (longest - len(row.rest))
        tokens.append([*padding, *row.rest])
        positions.append([*padding, *range(row.known, row.known + len(row.rest))])
        before = [0] * (known - row.known) + [1] * row.known
        mask.append([*before, *padding, *[1] * len(row.rest)])
        if row.prefix is not None:
            _fill(rooms, slice(place, place + 1), known - row.known, row.prefix)
    whole = network.tensor(mask)
    states = network.states(network.tensor(tokens), whole, network.tensor(positions), cache)
    return states[:, -1], [(layer.keys, layer.values) for layer in cache.layers], whole


def _room(like: torch.Tensor, rows: int, tokens: int) -> torch.Tensor:
    """Zeros in the form of some keys or values: padding is masked, but must be finite."""
    return like.new_zeros(rows, like.shape[1], tokens, like.shape[3])


def _fill(rooms: States, rows: slice, start: int, states: States) -> None:
    """Copy keys and values into some rows of larger ones."""
    for layer, two in zip(rooms, states, strict=True):
        for room, part in zip(layer, two, strict=True):
            room[rows, :, start : start + part.shape[2]] = part


Shared = list[tuple[int, tuple[int, ...]]]
"""Prompts, each with the lengths of the prefixes that it shares with others, the shorter ones with
more of them. Each is computed from the one before."""


def shared_prefixes(prompts: Prompts, worth: int | None) -> Shared:
    """All prompts with the prefixes that they share, those with the same ones side by side.

    A prefix is shared where that saves computing at least `worth` tokens; nowhere if it is None. At
    least the last token of each prompt remains, since the answer follows from it.
    """
    if worth is None:
        return [(prompt, ()) for prompt in range(len(prompts))]
    order = sorted(range(len(prompts)), key=lambda row: list(prompts[row]))
    # Those that share none are last.
    return sorted(_divided(prompts, order, (), 0, worth), key=lambda one: not one[1])


def _divided(
    prompts: Prompts, rows: Sequence[int], prefixes: tuple[int, ...], start: int, worth: int
) -> Shared:
    """The rows with their prefixes, those first that have none beside `prefixes`.

    The rows are sorted by their tokens and equal up to `start`.
    """
    alone: Shared = []
    shared: Shared = []
    computed = max(prefixes, default=0)
    for _, members in groupby(rows, lambda row: prompts[row][start]):
        branch = list(members)
        # Less the last token, if that ends the first.
        length = common_length(prompts[branch[0]][:-1], prompts[branch[-1]])
        if len(branch) == 1 or length == start:
            alone += [(row, prefixes) for row in branch]
            continue
        saves = (len(branch) - 1) * (length - computed) >= worth
        longer = (*prefixes, length) if saves else prefixes
        for one in _divided(prompts, branch, longer, length, worth):
            (alone if one[1] == prefixes else shared).append(one)
    return [*alone, *shared]


class PreallocatedLayer(DynamicLayer):  # type: ignore[misc]  # untyped
    """Keys and values of a layer, with room for more: adding a token copies no other."""

    def __init__(self, keys: torch.Tensor, values: torch.Tensor, filled: int) -> None:
        """
        Args:
            keys: and `values`: the whole room.
            filled: tokens that are in it.
        """
        super().__init__()
        self.lazy_initialization(keys, values)
        self._room = keys, values
        self._show(filled)

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_args: object, **_: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Add tokens; returns the keys and values of all."""
        start = self._filled
        end = start + key_states.shape[2]
        for room, states in zip(self._room, (key_states, value_states), strict=True):
            room[:, :, start:end] = states
        self._show(end)
        return self.keys, self.values

    def get_seq_length(self) -> int:
        """Tokens so far."""
        return self._filled

    def move(self, sources: list[int], targets: list[int], rows: int) -> None:
        """Move rows to other places, then keep the first `rows`."""
        for room in self._room if sources else ():
            room[targets] = room[sources]
        self._room = self._room[0][:rows], self._room[1][:rows]
        self._show(self._filled)

    def _show(self, filled: int) -> None:
        self._filled = filled
        self.keys, self.values = (room[:, :, :filled] for room in self._room)
