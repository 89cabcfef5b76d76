"""Reading the prompts of a batch: their keys and values, and their last hidden states."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers.cache_utils import Cache

from ecslm.models.batching import batches_by_length
from ecslm.prediction.key_values import RoomyLayer, States, beginning_with, room_for, states_of
from ecslm.prediction.network import Network
from ecslm.prediction.prefixes import Group, groups_by_prefix

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
    known: int
    """Tokens of the prefix."""
    rest: Sequence[int]


class Reader:
    """Reads prompts. A prefix that several of a batch share is computed once.

    How a prompt is computed depends on the batch alone, not on those before it.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._kept: dict[tuple[tuple[int, ...], tuple[int, ...]], States] = {}
        self._of_earlier_batches = False

    def read(self, prompts: Sequence[Sequence[int]], room: int) -> Reading:
        """Read prompts; `room`: tokens to leave room for in the cache."""
        self._of_earlier_batches = bool(self._kept)
        rows = self._rows(prompts)
        lengths = [len(row.rest) for row in rows]
        chunks = batches_by_length(range(len(rows)), lengths, CHUNK[self._network.device.type])
        width = max(
            max(rows[i].known for i in chunk) + max(lengths[i] for i in chunk) for chunk in chunks
        )
        mask = self._network.tensor([[0] * width + [1] * room] * len(rows))
        order: list[int] = []
        hidden: list[torch.Tensor] = []
        rooms: list[list[torch.Tensor]] = []
        for chunk in chunks:
            members = [rows[index] for index in chunk]
            last, cache, chunk_mask = self._read_chunk(members)
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

    def release(self) -> bool:
        """Let go of the prefixes that are kept; returns whether some were of batches before the
        one that was read last, which then has more memory now."""
        released, self._of_earlier_batches = self._of_earlier_batches, False
        self._kept.clear()
        return released

    def _rows(self, prompts: Sequence[Sequence[int]]) -> list[_Row]:
        everything = tuple(range(len(prompts)))
        groups = (
            [Group((), everything)]
            if self._network.counts_padding
            else groups_by_prefix(prompts, WORTH[self._network.device.type])
        )
        rows = []
        for group in groups:
            prefix = self._prefix(tuple(prompts[group.rows[0]]), group.prefixes)
            known = group.prefixes[-1] if group.prefixes else 0
            rows += [_Row(row, prefix, known, prompts[row][known:]) for row in group.rows]
        return rows

    def _prefix(self, tokens: tuple[int, ...], lengths: tuple[int, ...]) -> States | None:
        """The states of the longest prefix, which is computed from the shorter ones."""
        if not lengths:
            return None
        key = tokens[: lengths[-1]], lengths
        if key not in self._kept:
            known = lengths[-2] if len(lengths) > 1 else 0
            shorter = self._prefix(tokens, lengths[:-1])
            row = _Row(0, shorter, known, tokens[known : lengths[-1]])
            _, cache, _ = self._read_chunk([row])
            while len(self._kept) >= KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[key] = states_of(cache)
        return self._kept[key]

    def _read_chunk(self, rows: Sequence[_Row]) -> tuple[torch.Tensor, Cache, torch.Tensor]:
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
        whole = self._network.tensor(mask)
        last = self._network.hidden(
            self._network.tensor(tokens), whole, self._network.tensor(positions), cache
        )
        return last, cache, whole
