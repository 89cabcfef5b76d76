"""Keys and values of the tokens of a batch, which attention reads."""

from collections.abc import Sequence

import torch
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer

States = list[tuple[torch.Tensor, torch.Tensor]]
"""Keys and values of each layer, each rows x heads x tokens x size of a head."""


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
