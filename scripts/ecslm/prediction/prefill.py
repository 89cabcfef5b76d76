"""Reading the prompts of a batch: their keys and values, and their last hidden states.

Token prefixes that several prompts of a batch begin with are computed once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer

from ecslm.models.prompts import batches_by_length, common_length
from ecslm.prediction.network import Network, States

Prompts = Sequence[Sequence[int]]

# Tokens that are read at once: on a CPU what its caches hold, on a GPU what keeps it busy.
CHUNK = {"cpu": 1024, "cuda": 16384}

# Tokens that take about as long to read as starting to read them.
WORTH = {"cpu": 64, "cuda": 2048}

# Prefixes that are kept for the next batches.
KEPT = 64


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
    """Read prompts. A prefix that several of them share is computed once.

    How a prompt is computed depends on the batch alone, not on those before it.

    Args:
        room: tokens to leave room for in the cache.
    """
    rows = _rows(network, prompts)
    lengths = [len(row.rest) for row in rows]
    chunks = batches_by_length(range(len(rows)), lengths, CHUNK[network.device.type])
    width = max(
        max(rows[i].known for i in chunk) + max(lengths[i] for i in chunk) for chunk in chunks
    )
    mask = network.tensor([[0] * width + [1] * room] * len(rows))
    order: list[int] = []
    hidden: list[torch.Tensor] = []
    rooms: list[list[torch.Tensor]] = []
    for chunk in chunks:
        members = [rows[index] for index in chunk]
        last, cache, chunk_mask = _read_chunk(network, members)
        states = states_of(cache)
        if not rooms:
            rooms = [[room_for(one, len(rows), width + room) for one in two] for two in states]
        place = slice(len(order), len(order) + len(members))
        start = width - chunk_mask.shape[1]
        mask[place, start:width] = chunk_mask
        for layer, two in zip(rooms, states, strict=True):
            for whole, part in zip(layer, two, strict=True):
                whole[place, :, start:width] = part
        hidden.append(last)
        order += [row.prompt for row in members]
    layers = [RoomyLayer(keys, values, width) for keys, values in rooms]
    return Reading(order, torch.cat(hidden), Cache(layers=layers), mask)


def _rows(network: Network, prompts: Prompts) -> list[_Row]:
    # Nothing is shared where padding between tokens would count.
    worth = None if network.counts_padding else WORTH[network.device.type]
    return [
        _Row(
            prompt,
            _prefix(network, tuple(prompts[prompt]), lengths),
            prompts[prompt][max(lengths, default=0) :],
        )
        for prompt, lengths in shared_prefixes(prompts, worth)
    ]


def _prefix(network: Network, tokens: tuple[int, ...], lengths: tuple[int, ...]) -> States | None:
    """The states of the longest prefix, which is computed from the shorter ones."""
    if not lengths:
        return None
    key = tokens[: lengths[-1]], lengths
    if key not in network.prefixes:
        shorter = _prefix(network, tokens, lengths[:-1])
        row = _Row(0, shorter, tokens[max(lengths[:-1], default=0) : lengths[-1]])
        _, cache, _ = _read_chunk(network, [row])
        while len(network.prefixes) >= KEPT:
            network.prefixes.pop(next(iter(network.prefixes)))
        network.prefixes[key] = states_of(cache)
    return network.prefixes[key]


def _read_chunk(network: Network, rows: Sequence[_Row]) -> tuple[torch.Tensor, Cache, torch.Tensor]:
    """Hidden states of the last tokens, the cache and its mask.

    Each row is padding, its prefix, padding, its rest.
    """
    known = max(row.known for row in rows)
    longest = max(len(row.rest) for row in rows)
    tokens, mask, positions = [], [], []
    for row in rows:
        padding = [0] * (longest - len(row.rest))
        tokens.append([*padding, *row.rest])
        positions.append([*padding, *range(row.known, row.known + len(row.rest))])
        before = [0] * (known - row.known) + [1] * row.known
        mask.append([*before, *padding, *[1] * len(row.rest)])
    cache = beginning_with([row.prefix for row in rows], longest)
    whole = network.tensor(mask)
    states = network.states(network.tensor(tokens), whole, network.tensor(positions), cache)
    return states[:, -1], cache, whole


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
    shared, alone = _divide(prompts, order, (), 0, worth)
    return [*shared, *((row, ()) for row in alone)]


def _divide(
    prompts: Prompts, rows: Sequence[int], prefixes: tuple[int, ...], start: int, worth: int
) -> tuple[Shared, list[int]]:
    """The rows with longer prefixes than `prefixes`, and those that are left.

    The rows are sorted by their tokens and equal up to `start`.
    """
    shared: Shared = []
    alone: list[int] = []
    computed = prefixes[-1] if prefixes else 0
    for _, members in groupby(rows, lambda row: prompts[row][start]):
        branch = list(members)
        # Less the last token, if that ends the first.
        length = common_length(prompts[branch[0]][:-1], prompts[branch[-1]])
        if len(branch) == 1 or length == start:
            alone += branch
            continue
        saves = (len(branch) - 1) * (length - computed) >= worth
        longer = (*prefixes, length) if saves else prefixes
        deeper, left = _divide(prompts, branch, longer, length, worth)
        if saves:
            shared += [(row, longer) for row in left]
        else:
            alone += left
        shared += deeper
    return shared, alone


class RoomyLayer(DynamicLayer):  # type: ignore[misc]  # untyped
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
        start = self.get_seq_length()
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


def states_of(cache: Cache) -> States:
    """The keys and values in a cache."""
    return [(layer.keys, layer.values) for layer in cache.layers]


def beginning_with(prefixes: Sequence[States | None], tokens: int) -> Cache:
    """A cache of rows that begin with given prefixes, padded on the left.

    Args:
        prefixes: the states of one row for each; None: the row has no prefix.
        tokens: that will be added.
    """
    known = [states for states in prefixes if states is not None]
    if not known:
        return DynamicCache()
    width = max(states[0][0].shape[2] for states in known)
    layers = []
    for layer, like in enumerate(known[0]):
        keys, values = (room_for(one, len(prefixes), width + tokens) for one in like)
        for row, states in enumerate(prefixes):
            if states is not None:
                start = width - states[layer][0].shape[2]
                keys[row, :, start:width], values[row, :, start:width] = states[layer]
        layers.append(RoomyLayer(keys, values, width))
    return Cache(layers=layers)


def room_for(like: torch.Tensor, rows: int, tokens: int) -> torch.Tensor:
    """Zeros in the form of some keys or values: padding is masked, but must be finite."""
    return like.new_zeros(rows, like.shape[1], tokens, like.shape[3])
