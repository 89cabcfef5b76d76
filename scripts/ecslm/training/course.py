"""The course of a training: its steps one after the other, its log, and its checkpoint."""

import hashlib
import io
import logging
import math
import time
from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import torch
from torch.nn.utils import clip_grads_with_norm_
from transformers import get_scheduler

from ecslm.common.errors import InputError
from ecslm.common.files import write_bytes
from ecslm.training.settings import TrainingSettings
from ecslm.training.trainer import Trainer, random_state, restore_random_state

log = logging.getLogger(__name__)

DIGEST_BYTES = 32


class Course:
    """Takes planned steps with AdamW, and keeps the weights that are best at an end of an epoch."""

    def __init__(
        self, trainer: Trainer, steps: Sequence[Sequence[int]], settings: TrainingSettings
    ) -> None:
        """`steps`: the trainer's examples of each, by index; as many in each epoch."""
        self.steps, self.done = steps, 0
        self.history: list[dict[str, Any]] = []
        """Of each step, and each evaluation: what log.jsonl says."""
        self.best: dict[str, Any] = {"step": 0, "loss": math.inf, "weights": {}}
        self._trainer, self._weights = trainer, trainer.trained
        self._clip, self._of_epoch = settings.max_grad_norm, len(steps) // settings.epochs
        # Where the evaluations in an epoch come, at equal distances.
        count = settings.evaluations
        self._evaluated = {round(self._of_epoch * n / count) for n in range(1, count + 1)}
        self._optimizer = torch.optim.AdamW(
            self._weights.values(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        warmup = math.ceil(settings.warmup_ratio * len(steps))
        scheduler: Any = get_scheduler(settings.scheduler, self._optimizer, warmup, len(steps))
        self._scheduler = scheduler
        # So far, after each number of steps.
        self._records = [0, *accumulate(map(len, steps))]
        lengths = [len(example) for example in trainer.examples]
        self._tokens = [0, *accumulate(sum(lengths[i] for i in step) for step in steps)]
        self._start = time.perf_counter()

    @property
    def at_end_of_epoch(self) -> bool:
        """Whether the last step has ended an epoch."""
        return self.done % self._of_epoch == 0

    @property
    def at_evaluation(self) -> bool:
        """Whether an evaluation is due."""
        return (self.done - 1) % self._of_epoch + 1 in self._evaluated

    def step(self) -> dict[str, Any]:
        """Take the next step; returns its entry in the log.

        Raises:
            InputError: the loss or the gradient is not finite. No weight has changed then.
        """
        loss, norm = self._trainer.gradient(self.steps[self.done])
        self.done += 1
        if not torch.isfinite(loss + norm):
            found = f"the loss is {float(loss)} and the norm of the gradient {float(norm)}"
            raise InputError(f"training: {found} at step {self.done}: lower `learning_rate`")
        clip_grads_with_norm_(self._weights.values(), self._clip, norm)
        (rate,) = self._scheduler.get_last_lr()
        self._optimizer.step()
        self._scheduler.step()
        self._optimizer.zero_grad()
        return self._logged(loss=float(loss), grad_norm=float(norm), learning_rate=rate)

    def evaluate(self) -> dict[str, Any]:
        """Evaluate the weights, and keep them if they are the best of an end of an epoch; returns
        the entry in the log."""
        loss = self._trainer.evaluate()
        if self.at_end_of_epoch and loss < self.best["loss"]:
            weights = {name: one.detach().cpu().clone() for name, one in self._weights.items()}
            self.best = {"step": self.done, "loss": loss, "weights": weights}
        return self._logged(eval_loss=loss)

    def take_best(self) -> int:
        """Give the model the best weights; returns the step that made them."""
        self._load(self.best["weights"])
        return int(self.best["step"] or self.done)

    def write(self, path: Path) -> None:
        """Write the checkpoint. Of several processes each calls this, and the first one writes."""
        processes = self._trainer.processes
        state = {
            "done": self.done,
            "history": self.history,
            "best": self.best,
            "budget": self._trainer.budget,
            "weights": self._weights,
            "optimizer": self._optimizer.state_dict(),
            "scheduler": self._scheduler.state_dict(),
            "random": processes.gathered(random_state(processes.device)),
        }
        if processes.first:
            content = io.BytesIO()
            torch.save(state, content)
            content.write(hashlib.sha256(content.getbuffer()).digest())
            write_bytes(path, content.getbuffer())

    def resume(self, path: Path) -> bool:
        """Continue from a checkpoint, if there is one; of one that is damaged this says so."""
        processes, content = self._trainer.processes, _content(path)
        if content is None:
            return False
        # Runs no code, whoever has written it.
        state = torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
        self.done, self.history, self.best = state["done"], state["history"], state["best"]
        self._trainer.budget = state["budget"]
        self._load(state["weights"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._scheduler.load_state_dict(state["scheduler"])
        restore_random_state(state["random"][processes.rank], processes.device)
        self._start -= self.history[-1]["seconds"]
        return True

    def _load(self, weights: Mapping[str, torch.Tensor]) -> None:
        with torch.no_grad():
            for name, weight in weights.items():
                self._weights[name].copy_(weight)

    def _logged(self, **entry: Any) -> dict[str, Any]:
        """Add to an entry of the log records and tokens so far, those of a second pass counted
        again, wall seconds, which a resumed training continues, and the token budget."""
        entry |= {
            "batch_tokens": self._trainer.budget,
            "epoch": self.done / len(self.steps),
            "records": self._records[self.done],
            "seconds": time.perf_counter() - self._start,
            "step": self.done,
            "tokens": self._tokens[self.done],
        }
        self.history.append(dict(sorted(entry.items())))
        return entry


def _content(path: Path) -> bytes | None:
    """The content of a checkpoint; None if there is none, or it is damaged."""
    if not path.exists():
        return None
    found = path.read_bytes()
    content, digest = found[:-DIGEST_BYTES], found[-DIGEST_BYTES:]
    if hashlib.sha256(content).digest() == digest:
        return content
    log.warning("%s: damaged: training starts over", path)
    return None
