"""Gradients and evaluations over micro-batches, with a loss on answers only, in one process or in
one for each of several GPUs.

Each process computes the gradient of its part of every global batch; the sum is that of the whole
batch.
"""

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from accelerate.utils import send_to_device
from torch import distributed
from torch.nn import functional

from ecslm.common.errors import InputError
from ecslm.models.loading import is_out_of_memory, require_device
from ecslm.training.batches import IGNORED, LABELLING, Batch, Example, Layout
from ecslm.training.mixed import mixed_products

log = logging.getLogger(__name__)

# What a micro-batch gives.
Work = Callable[[Batch], torch.Tensor]


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
        InputError: the machine lacks the device.
    """
    target = require_device(device)
    if count == 1:
        return Processes(target)
    if target.type == "cuda":
        target = torch.device("cuda", rank)
        torch.cuda.set_device(target)
    backend, meeting = "nccl" if target.type == "cuda" else "gloo", f"file://{place}"
    distributed.init_process_group(backend, init_method=meeting, rank=rank, world_size=count)
    return Processes(target, rank, count)


def answer_loss(causal_model: Any, batch: Batch) -> torch.Tensor:
    """Weighted sum of the cross-entropies, in nats, over the answer tokens of a batch.

    One forward pass; the output head, the widest layer, is evaluated only where a label is. With
    weights of 1 it equals the full causal loss with masked labels.

    Args:
        causal_model: has its adapters injected.
        batch: comes from a layout's `collate`.
    """
    inputs = {name: value for name, value in batch.items() if name not in LABELLING}
    targets = batch["labels"][:, 1:]
    answered = targets != IGNORED
    with mixed_products(causal_model):
        hidden = causal_model.base_model(**inputs, use_cache=False).last_hidden_state
        logits = causal_model.get_output_embeddings()(hidden[:, :-1][answered])
    each = functional.cross_entropy(logits.float(), targets[answered], reduction="none")
    return torch.dot(each, batch["weights"][:, 1:][answered])


@dataclass(eq=False)
class Trainer:
    """Computes what an optimiser step needs, in micro-batches of at most `budget` tokens.

    The loss of a step is normalised by the weight of the answers in its whole global batch. So
    another budget changes rounding and the masks of dropout, but not the gradient that is meant.
    """

    model: Any
    examples: Sequence[Example]
    validation: Sequence[Example]
    layout: Layout
    budget: int
    processes: Processes
    fixed: bool = False
    """Whether running out of memory ends the training, because the budget is part of what makes its
    bytes."""

    def __post_init__(self) -> None:
        weights = self.model.named_parameters()
        self.trained = {name: weight for name, weight in weights if weight.requires_grad}
        self._device = self.processes.device

    def try_heaviest(self) -> None:
        """Whether every record fits is known from the start: see `_total`. Nothing else is changed.

        Raises:
            InputError: the heaviest does not.
        """
        with self._trial():
            self._total([heaviest(self.examples)], [0], self._descend)

    def measure_budget(self) -> None:
        """Set the token budget to what fits into memory: that of copies of the heaviest record, one
        of which is known to fit, with half as many more each time. Nothing else is changed."""
        example = heaviest(self.examples)
        self.budget = len(example)
        # In place of Adam's two moments, which come with the first step.
        moments = [torch.empty_like(one) for one in self.trained.values() for _ in "mv"]
        with self._trial():
            copies = 2
            while copies <= len(self.examples):
                # What prompts begin with alike is computed once; others have less in common.
                several = [replace(example, prompt=[i, *example.prompt[1:]]) for i in range(copies)]
                try:
                    self._descend(send_to_device(self.layout.collate(several), self._device))
                except RuntimeError as error:
                    if not is_out_of_memory(error):
                        raise
                    break
                self.budget = copies * len(example)
                copies += copies // 2
        self.budget = min(self.processes.gathered(self.budget))
        del moments
        torch.cuda.empty_cache()

    @contextmanager
    def _trial(self) -> Iterator[None]:
        """A block after which gradients, random state and the peak of memory are as before."""
        self.model.train()
        state = random_state(self._device)
        yield
        self.model.zero_grad()
        restore_random_state(state, self._device)
        if self._device.type == "cuda":
            # cost.json has that of the training.
            torch.cuda.reset_peak_memory_stats(self._device)

    def gradient(self, members: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Give all weights the gradient of one global batch, of which each process does a part.

        Returns:
            The mean loss per answer token or, as the weights say, per answer; and the gradient's
            norm. Both may be infinite or no number.
        """
        self.model.train()
        weight = sum(self.examples[i].weight for i in members)
        loss = self._total(self.examples, members, lambda batch: self._descend(batch, weight))
        # Of all alike, so that a resumed training has them too.
        self.budget = min(self.processes.gathered(self.budget))
        weights = list(self.trained.values())
        self.processes.sum_gradients(weights)
        gradients = [one.grad for one in weights if one.grad is not None]
        return loss.float(), torch.nn.utils.get_total_norm(gradients)

    def _descend(self, batch: Batch, weight: float = 1.0) -> torch.Tensor:
        """Add the gradient of a micro-batch, of so much weight in all; returns its loss."""
        loss = answer_loss(self.model.get_base_model(), batch).div(weight)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    @torch.inference_mode()
    def evaluate(self) -> float:
        """The mean loss of the validation examples, weighted as in training."""
        self.model.eval()
        examples, causal = self.validation, self.model.get_base_model()
        loss = self._total(examples, range(len(examples)), lambda batch: answer_loss(causal, batch))
        return float(loss) / sum(example.weight for example in examples)

    def _total(
        self, examples: Sequence[Example], members: Sequence[int], work: Work
    ) -> torch.Tensor:
        """The sum over the micro-batches of some examples, of all processes.

        After running out of memory it starts over with half the budget, the same random state and
        without gradients. Where a single example does not fit, activations are from then on
        computed again in the backward pass, which changes no number.

        Raises:
            InputError: a micro-batch of one example does not fit even so, or the budget is fixed.
        """
        lengths = [len(example) for example in examples]
        own = self.processes.share(members, lengths)
        while True:
            state, micro = random_state(self._device), []
            total = torch.zeros((), dtype=torch.float64, device=self._device)
            try:
                for micro in self.layout.group(own, lengths, self.budget):
                    batch = self.layout.collate([examples[i] for i in micro])
                    total += work(send_to_device(batch, self._device))
                return self.processes.sum(total)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
            # Not in the handler: its traceback would keep the tensors of the failed micro-batch.
            self.model.zero_grad()
            self._halve(sum(lengths[i] for i in micro), alone=len(micro) == 1)
            restore_random_state(state, self._device)

    def _halve(self, tokens: int, alone: bool) -> None:
        torch.cuda.empty_cache()
        causal = self.model.get_base_model()
        if causal.is_activation_checkpointing if alone else self.fixed:
            fix = "`max_length`" if alone else "`batch_tokens`, which `deterministic` keeps"
            raise InputError(f"training: out of memory with {tokens} tokens at once: lower {fix}")
        if alone:
            log.warning("out of memory with a record of %d tokens: checkpointing gradients", tokens)
            causal.activation_checkpointing_enable({"use_reentrant": False})
            return
        # The budget may be far larger than the batch, where a whole step has fewer tokens.
        self.budget = min(self.budget, tokens) // 2
        log.warning("out of memory with %d tokens: now at most %d", tokens, self.budget)


def heaviest(examples: Sequence[Example]) -> Example:
    """A made-up example as long as the longest, of which answers are as large a share as of any.

    No micro-batch takes more memory for each token: answer tokens also have logits.
    """
    longest = max(examples, key=len)
    share = max(len(example.answer) / len(example) for example in examples)
    tokens = longest.prompt + longest.answer
    start = max(len(tokens) - math.ceil(share * len(tokens)), 1)
    return replace(longest, prompt=tokens[:start], answer=tokens[start:])


def random_state(device: torch.device) -> list[torch.Tensor]:
    """The state of the generators that dropout draws from."""
    of_device = [torch.cuda.get_rng_state(device)] if device.type == "cuda" else []
    return [torch.get_rng_state(), *of_device]


def restore_random_state(states: Sequence[torch.Tensor], device: torch.device) -> None:
    """Have the generators go on from a state."""
    torch.set_rng_state(states[0])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states[1], device)
