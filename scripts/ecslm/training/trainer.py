"""A transformers Trainer that runs planned steps, with a loss on answers only."""

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader
from transformers import Trainer

from ecslm.common.errors import InputError
from ecslm.training.batches import Batch, Example, Layout, on_device
from ecslm.training.checkpoints import is_whole
from ecslm.training.evaluation import Evaluation
from ecslm.training.loss import answer_loss
from ecslm.training.memory import Memory, fitting_budget, heaviest
from ecslm.training.micro_batches import MicroBatches
from ecslm.training.processes import Processes


class PlannedTrainer(Trainer):
    """Runs the steps of `plan_steps`, each an optimiser step made of micro-batches.

    The loss of a step is normalised by the weight of the answers in its whole global batch, so the
    token budget of the micro-batches does not change the gradient.
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
        budget_fixed: bool,
        processes: Processes,
        **options: Any,
    ) -> None:
        super().__init__(train_dataset=steps, eval_dataset=validation, **options)
        if processes.count > 1:
            # Not wrapped for distributed training: gradients are summed once a step, below.
            self.accelerator.prepare_model = partial(
                self.accelerator.prepare_model, evaluation_mode=True
            )
        self._steps, self._examples, self._validation = steps, examples, validation
        self._layout = layout
        self._processes, device = processes, processes.device
        self._trained = [weight for weight in self.model.parameters() if weight.requires_grad]
        self._lengths = [len(example) for example in examples]
        self._training = MicroBatches(examples, layout, budget, device, budget_fixed)
        self._evaluation = MicroBatches(validation, layout, budget, device, budget_fixed)
        self._start = time.perf_counter()
        self._seconds_before: float | None = None
        # So far, after each number of steps.
        self._records = [0, *accumulate(map(len, steps))]
        self._tokens = [0, *accumulate(sum(self._lengths[i] for i in step) for step in steps)]

    def start_alike(self, seed: int) -> None:
        """Have several processes start with one adapter, each with dropout masks of its own."""
        self._processes.start_alike(self._trained)
        if not self._processes.first:
            torch.manual_seed(seed + self._processes.rank)

    def measure_budget(self, memory: Memory) -> None:
        """Set the token budget to what fits into the memory. Nothing else is changed by this."""
        example = heaviest(self._examples)
        device = self._processes.device

        def work(copies: int) -> None:
            # What prompts begin with alike is computed once, and other prompts have less in common.
            several = [replace(example, prompt=[i, *example.prompt[1:]]) for i in range(copies)]
            batch = on_device(self._layout.collate(several), device)
            self.accelerator.backward(answer_loss(_causal(self.model), batch))
            self.model.zero_grad()

        self.model.train()
        devices = [device] if device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            budget = fitting_budget(
                work,
                len(example),
                memory,
                # Adam's two moments.
                reserved=2
                * sum(weight.numel() * weight.element_size() for weight in self._trained),
            )
        self._training.budget = self._evaluation.budget = self._processes.lowest(budget)

    def get_train_dataloader(self) -> DataLoader[Any]:
        """The planned steps in order, without a sampler."""
        steps: Any = self._steps
        return DataLoader(steps, batch_size=1, shuffle=False, collate_fn=lambda batch: batch[0])

    def training_step(self, model: Any, inputs: Any, _items: Any = None) -> torch.Tensor:
        """Accumulate the gradient of one global batch, whose members are `inputs`; returns the mean
        loss per answer token or, as the weights say, per answer. Of several processes each does a
        part, and has the sum in the end."""
        model.train()
        weight = sum(self._examples[i].weight for i in inputs)

        def gradient(batch: Batch, _micro: Sequence[int]) -> torch.Tensor:
            loss = answer_loss(_causal(model), batch).div(weight)
            self.accelerator.backward(loss)
            return loss.detach()

        own = self._processes.share(inputs, self._lengths)
        total = self._training.total(own, gradient, undo=model.zero_grad)
        self._processes.sum_gradients(self._trained)
        total = self._processes.sum(total).float()
        # Of all alike, so that a resumed training has them too.
        self._training.budget = self._processes.lowest(self._training.budget)
        gradients = [weight.grad for weight in self._trained if weight.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        # Before the step: weights that are not finite would be in the next checkpoint.
        for name, value in (("loss", total), ("norm of the gradient", norm)):
            if not torch.isfinite(value):
                raise InputError(
                    f"training: the {name} is {float(value)} at step "
                    f"{self.state.global_step + 1}: lower `learning_rate`"
                )
        return total

    @property
    def budget(self) -> int:
        """Tokens of a micro-batch, now."""
        return self._training.budget

    def floating_point_ops(self, _inputs: Any) -> int:
        """Not estimated: the base class expects another batch layout."""
        return 0

    def evaluate(self, *_arguments: Any, **_options: Any) -> dict[str, Any]:
        """Measure loss and right answers on the validation examples: `Evaluation.metrics`."""
        self.model.eval()
        # What fits in training fits here, where nothing is kept for a backward pass.
        self._evaluation.budget = min(self._evaluation.budget, self._training.budget)
        lengths = [len(example) for example in self._validation]
        own = self._processes.share(range(len(lengths)), lengths)
        found = Evaluation(self._validation)
        with torch.inference_mode():
            sums = self._evaluation.total(
                own, partial(found.sums, _causal(self.model)), shape=(found.size,)
            )
            metrics = found.metrics(self._processes.sum(sums))
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    def log(self, logs: dict[str, Any], *_arguments: Any, **_options: Any) -> None:
        """Add records and tokens so far, those of a second pass counted again, wall seconds and the
        token budget; a resumed training continues those of its checkpoint."""
        if self._seconds_before is None:
            history = self.state.log_history
            self._seconds_before = history[-1]["seconds"] if history else 0.0
        logs["records"] = self._records[self.state.global_step]
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
