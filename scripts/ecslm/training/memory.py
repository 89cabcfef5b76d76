"""The token budget that fits into the memory of a GPU, measured before the first step."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch

from ecslm.models.loading import is_out_of_memory
from ecslm.training.batches import Example

# Of the free memory, which has fragments.
SHARE = 0.85


@dataclass(frozen=True)
class Memory:
    """The memory of a GPU, which other processes may use too."""

    device: torch.device

    def free(self) -> int:
        """Bytes that can still be allocated, those included that torch holds in reserve."""
        free, _ = torch.cuda.mem_get_info(self.device)
        reserve = torch.cuda.memory_reserved(self.device) - torch.cuda.memory_allocated(self.device)
        return int(free + reserve)

    def peak_of(self, work: Callable[[], object]) -> int:
        """Bytes that a function allocates at most at a time."""
        torch.cuda.reset_peak_memory_stats(self.device)
        before = torch.cuda.memory_allocated(self.device)
        work()
        return int(torch.cuda.max_memory_allocated(self.device) - before)


def heaviest(examples: Sequence[Example]) -> Example:
    """A made-up example as long as the longest, of which answers are as large a share as of any.

    No micro-batch takes more memory for each token: answer tokens also have logits.
    """
    longest = max(examples, key=len)
    share = max(len(example.answer) / len(example) for example in examples)
    tokens = longest.prompt + longest.answer
    start = max(len(tokens) - math.ceil(share * len(tokens)), 1)
    return replace(longest, prompt=tokens[:start], answer=tokens[start:])


def fitting_budget(
    work: Callable[[int], object], tokens: int, memory: Memory, reserved: int
) -> int:
    """Tokens of a micro-batch that fit: a straight line through two measured ones.

    Args:
        work: a forward and a backward pass on so many copies of the heaviest example.
        tokens: of that example, which are the least that the result can be.
        reserved: bytes of what will be allocated later, that is, the optimiser's state.
    """
    try:
        work(1)  # Workspaces are allocated once, and kept.
        one, two = (memory.peak_of(partial(work, copies)) for copies in (1, 2))
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        return tokens
    # Rounded to whole blocks, two small passes may allocate the same.
    by_token = (two - one) / tokens if two > one else two / (2 * tokens)
    by_pass = max(one - by_token * tokens, 0)
    room = SHARE * memory.free() - reserved - by_pass
    return max(int(room / by_token), tokens)
