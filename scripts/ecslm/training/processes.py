"""The processes of one training: a single one, or one for each of several GPUs.

Each computes the gradient of its part of every global batch; the sum is that of the whole batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import distributed

from ecslm.common.errors import InputError
from ecslm.models.loading import require_device


@dataclass(frozen=True)
class Processes:
    """One of the processes that train together."""

    device: torch.device
    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether it is the one that writes files and messages."""
        return self.rank == 0

    def share(self, members: Sequence[int], lengths: Sequence[int]) -> list[int]:
        """This process's part of some examples; all parts have about as many tokens."""
        if self.count == 1:
            return list(members)
        parts: list[list[int]] = [[] for _ in range(self.count)]
        tokens = [0] * self.count
        for index in sorted(members, key=lambda index: -lengths[index]):
            least = tokens.index(min(tokens))
            parts[least].append(index)
            tokens[least] += lengths[index]
        return parts[self.rank]

    def sum(self, tensor: torch.Tensor) -> torch.Tensor:
        """The sum of a tensor over all processes; its own is overwritten."""
        if self.count > 1:
            distributed.all_reduce(tensor)
        return tensor

    def sum_gradients(self, weights: Sequence[torch.nn.Parameter]) -> None:
        """Give each weight the sum of its gradients in all processes."""
        if self.count == 1:
            return
        # All in one message. A process whose part of the batch is empty has no gradients.
        own = [torch.zeros_like(w) if w.grad is None else w.grad for w in weights]
        together = self.sum(torch.cat([gradient.flatten() for gradient in own]))
        parts = torch.split(together, [weight.numel() for weight in weights])
        for weight, part in zip(weights, parts, strict=True):
            weight.grad = part.view_as(weight)

    def gathered(self, value: Any) -> list[Any]:
        """What each process says, in their order."""
        values = [value] * self.count
        if self.count > 1:
            distributed.all_gather_object(values, value)
        return values


def join(device: str, rank: int = 0, count: int = 1, place: str = "") -> Processes:
    """This process as one of `count`; `place` is a file that only they know.

    Raises:
        InputError: the machine lacks the device, or has too few of it.
    """
    target = require_device(device)
    if count == 1:
        return Processes(target)
    if target.type == "cuda":
        if torch.cuda.device_count() < count:
            raise InputError(
                f"gpus: {count} are configured, but this machine shows "
                f"{torch.cuda.device_count()}: set as many in the study, or ask for a machine with "
                "more"
            )
        target = torch.device("cuda", rank)
        torch.cuda.set_device(target)
    distributed.init_process_group(
        "nccl" if target.type == "cuda" else "gloo",
        init_method=f"file://{place}",
        rank=rank,
        world_size=count,
    )
    return Processes(target, rank, count)
