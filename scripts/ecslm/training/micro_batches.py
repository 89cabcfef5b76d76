"""Micro-batches under a budget of tokens, which is halved where the device runs out of memory."""

import logging
from collections.abc import Callable, Iterator, Sequence

import torch

from ecslm.common.errors import InputError
from ecslm.models.loading import is_out_of_memory
from ecslm.training.batches import Batch, Example, Layout, on_device

log = logging.getLogger(__name__)


class MicroBatches:
    """Examples in micro-batches of at most `budget` tokens, as the layout counts them.

    Since the loss is normalised over the global batch, another budget changes rounding and the
    masks of dropout, but not the gradient that is meant.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        layout: Layout,
        budget: int,
        device: torch.device,
        fixed: bool = False,
    ) -> None:
        """`fixed`: whether running out of memory ends the training, because the budget is part of
        what makes its bytes."""
        self._examples, self._layout, self._device = examples, layout, device
        self._lengths = [len(example) for example in examples]
        self._fixed = fixed
        self.budget = budget

    def total(
        self,
        members: Sequence[int],
        value: Callable[[Batch, Sequence[int]], torch.Tensor],
        undo: Callable[[], object] = lambda: None,
        shape: tuple[int, ...] = (),
    ) -> torch.Tensor:
        """The sum of a value over the micro-batches of some examples, on the device.

        After running out of memory it starts over with half the budget and the same random state;
        `undo` takes back what `value` has done, that is, gradients.

        Args:
            value: of a batch with these examples, as indices; a tensor of the given shape.

        Raises:
            InputError: a micro-batch of one example does not fit, or the budget is fixed.
        """
        while True:
            state = _random_state(self._device)
            failed: list[int] = []
            total = torch.zeros(shape, dtype=torch.float64, device=self._device)
            for micro in self.of(members):
                try:
                    total += value(self.batch(micro), micro)
                except RuntimeError as error:
                    if not is_out_of_memory(error):
                        raise
                    failed = micro
                    break
            if not failed:
                return total
            # Not in the handler: its traceback would keep the tensors of the failed micro-batch.
            undo()
            self._halve(failed)
            _restore(state, self._device)

    def of(self, members: Sequence[int]) -> Iterator[list[int]]:
        """The micro-batches of some examples, as indices."""
        yield from self._layout.group(members, self._lengths, self.budget)

    def batch(self, micro: Sequence[int]) -> Batch:
        """A micro-batch on the device."""
        return on_device(self._layout.collate([self._examples[i] for i in micro]), self._device)

    def _halve(self, failed: Sequence[int]) -> None:
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        tokens = self._layout.tokens([self._lengths[i] for i in failed])
        if len(failed) == 1:
            raise InputError(
                f"training: out of memory with a single record of {tokens} tokens: lower "
                "`max_length`, or set `gradient_checkpointing: true`"
            )
        if self._fixed:
            raise InputError(
                f"training: out of memory with a batch of {tokens} tokens, and `deterministic` "
                "keeps the budget as it is: lower `batch_tokens`"
            )
        # The budget may be far larger than the batch, where a whole step has fewer tokens.
        self.budget = min(self.budget, tokens) // 2
        log.warning(
            "out of memory with a batch of %d tokens: continuing with at most %d",
            tokens,
            self.budget,
        )


def _random_state(device: torch.device) -> list[torch.Tensor]:
    """The state of the generators that dropout draws from."""
    states = [torch.get_rng_state()]
    if device.type == "cuda":
        states.append(torch.cuda.get_rng_state(device))
    return states


def _restore(states: Sequence[torch.Tensor], device: torch.device) -> None:
    torch.set_rng_state(states[0])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states[1], device)
