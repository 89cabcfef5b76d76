"""Evaluates validation examples: their loss, how many answers are right, how many begin alike.

An answer is right if each of its tokens, the end token included, is the likeliest after the ones
before it: then, and only then, greedy decoding gives it as a whole.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any

import torch
from transformers import TrainerCallback

from ecslm.training.batches import Batch, Example
from ecslm.training.loss import answer_tokens


class Evaluation:
    """An evaluation, as sums that are added up over micro-batches and over processes."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self._examples = examples
        self.size = 1 + 2 * len(examples)
        """How many sums there are."""

    def sums(self, causal_model: Any, batch: Batch, micro: Sequence[int]) -> torch.Tensor:
        """What a micro-batch adds: first its loss, then for each example 1 if its answer is right,
        then for each the token that its answer would begin with.

        Args:
            causal_model: as of `answer_tokens`, and so is `batch`.
            micro: the examples in the batch, as indices, in its order.
        """
        found = answer_tokens(causal_model, batch)
        likeliest = found.logits.argmax(dim=-1)
        lengths = [len(self._examples[i].answer) for i in micro]
        right = torch.split(likeliest == found.targets, lengths)
        sums = torch.zeros(self.size, dtype=torch.float64, device=likeliest.device)
        sums[0] = found.loss()
        for index, answer, tokens in zip(
            micro, right, torch.split(likeliest, lengths), strict=True
        ):
            sums[1 + index] = answer.all()
            sums[1 + len(self._examples) + index] = tokens[0]
        return sums

    def metrics(self, sums: torch.Tensor) -> dict[str, Any]:
        """`eval_loss`, the mean loss, weighted as in training, and by task `eval_records`, how many
        examples there are, `eval_right`, the share of right answers, and `eval_alike`, the share
        that begins with the most frequent first token, where right answers begin with several."""
        loss, *rest = sums.tolist()
        counts = Counter(example.task for example in self._examples)
        hits: Counter[str] = Counter()
        first: dict[str, Counter[float]] = {task: Counter() for task in sorted(counts)}
        wanted: dict[str, set[int]] = {task: set() for task in counts}
        for number, example in enumerate(self._examples):
            hits[example.task] += int(rest[number])
            first[example.task][rest[len(self._examples) + number]] += 1
            wanted[example.task].add(example.answer[0])
        return {
            "eval_loss": loss / sum(example.weight for example in self._examples),
            "eval_records": dict(sorted(counts.items())),
            "eval_right": {task: hits[task] / count for task, count in sorted(counts.items())},
            "eval_alike": {
                task: max(tokens.values()) / counts[task]
                for task, tokens in first.items()
                if len(wanted[task]) > 1
            },
        }


class FurtherEvaluations(TrainerCallback):
    """Evaluates after some steps, besides the evaluations that the best checkpoint is chosen by."""

    def __init__(self, steps: Collection[int], evaluate: Callable[[], object]) -> None:
        self._steps, self._evaluate = steps, evaluate

    def on_log(self, _args: Any, state: Any, _control: Any, logs: Any, **_options: Any) -> None:
        """Evaluate when the loss of a step has been logged, so before a checkpoint of that step."""
        if "loss" in logs and state.global_step in self._steps:
            self._evaluate()


def within_epochs(steps: int, epochs: int, evaluations: int) -> set[int]:
    """Steps after which to evaluate for so many evaluations in each epoch, except its end.

    Args:
        steps: of the training, as many in each epoch.
    """
    of_epoch = steps // epochs
    spaced = {round(of_epoch * i / evaluations) for i in range(1, evaluations)} - {0, of_epoch}
    return {epoch * of_epoch + step for epoch in range(epochs) for step in spaced}
