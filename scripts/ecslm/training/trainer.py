"""A transformers Trainer that runs planned steps, with a loss on answers only."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader
from transformers import Trainer

from ecslm.common.errors import InputError
from ecslm.training.batches import Batch, Example, Layout
from ecslm.training.checkpoints import is_whole
from ecslm.training.loss import answer_loss
from ecslm.training.micro_batches import MicroBatches


class PlannedTrainer(Trainer):
    """Runs the steps of `plan_steps`, each an optimiser step made of micro-batches.

    The loss of a step is normalised by the answer tokens of its whole global batch, so the token
    budget of the micro-batches does not change the gradient.
    """

    control: Any

    def __init__(
        self,
        *,
        steps: Sequence[Sequence[int]],
        examples: Sequence[Example],
        validation: Sequence[Example],
        layout: Layout,
        budget: int,
        **options: Any,
    ) -> None:
        super().__init__(train_dataset=steps, eval_dataset=validation, **options)
        self._steps, self._examples, self._validation = steps, examples, validation
        device = self.args.device
        self._training = MicroBatches(examples, layout, budget, device)
        self._evaluation = MicroBatches(validation, layout, budget, device)
        self._start = time.perf_counter()
        self._seconds_before: float | None = None
        self._tokens = [0]
        for step in steps:
            self._tokens.append(self._tokens[-1] + sum(len(examples[i]) for i in step))

    def get_train_dataloader(self) -> DataLoader[Any]:
        """The planned steps in order, without a sampler."""
        steps: Any = self._steps
        return DataLoader(steps, batch_size=1, shuffle=False, collate_fn=lambda batch: batch[0])

    def training_step(self, model: Any, inputs: Any, _items: Any = None) -> torch.Tensor:
        """Accumulate the gradient of one global batch, whose members are `inputs`; returns the mean
        loss per answer token."""
        model.train()
        answers = sum(len(self._examples[i].answer) for i in inputs)

        def gradient(batch: Batch) -> torch.Tensor:
            loss = answer_loss(_causal(model), batch) / answers
            self.accelerator.backward(loss)
            return loss.detach()

        total = self._training.total(inputs, gradient, undo=model.zero_grad).float()
        if not torch.isfinite(total):
            raise InputError(
                f"training: the loss is {float(total)} at step {self.state.global_step + 1}: "
                "lower `learning_rate`"
            )
        return total

    @property
    def budget(self) -> int:
        """Tokens of a micro-batch, now."""
        return self._training.budget

    def floating_point_ops(self, _inputs: Any) -> int:
        """Not estimated: the base class expects another batch layout."""
        return 0

    def evaluate(self, *_arguments: Any, **_options: Any) -> dict[str, float]:
        """Mean loss per answer token of the validation examples, as `eval_loss`."""
        self.model.eval()
        # What fits in training fits here, where nothing is kept for a backward pass.
        self._evaluation.budget = min(self._evaluation.budget, self._training.budget)
        answers = sum(len(example.answer) for example in self._validation)
        with torch.inference_mode():
            total = self._evaluation.total(
                range(len(self._validation)), lambda batch: answer_loss(_causal(self.model), batch)
            )
        metrics = {"eval_loss": float(total) / answers}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    def log(self, logs: dict[str, float], *_arguments: Any, **_options: Any) -> None:
        """Add tokens, wall seconds and the token budget; a resumed training continues those of its
        checkpoint."""
        if self._seconds_before is None:
            history = self.state.log_history
            self._seconds_before = history[-1]["seconds"] if history else 0.0
        logs["tokens"] = self._tokens[self.state.global_step]
        logs["seconds"] = self._seconds_before + time.perf_counter() - self._start
        logs["batch_tokens"] = self.budget
        super().log(logs)

    def _load_best_model(self) -> None:
        """Load the best checkpoint, after checking that it is as it was written.

        Raises:
            InputError: the checkpoint is damaged.
        """
        best = Path(self.state.best_model_checkpoint)
        if not is_whole(best):
            raise InputError(
                f"{best}: damaged after it was written: run again to continue without it"
            )
        super()._load_best_model()

    def _save(self, output_dir: str | None = None, _state_dict: Any = None) -> None:
        # By default peft also saves the whole embedding if the adapted head is tied to it.
        self.model.save_pretrained(output_dir or self.args.output_dir, save_embedding_layers=False)


def _causal(model: Any) -> Any:
    return model.get_base_model()
