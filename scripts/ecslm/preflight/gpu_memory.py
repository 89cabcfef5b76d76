"""Checks whether each model fits into the memory of the GPUs that jobs would use, by estimates."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from ecslm.common.errors import InputError
from ecslm.plan.requests import Requests, requests_of
from ecslm.preflight.findings import Finding, error, ok, shortened, warning
from ecslm.preflight.hardware import Met, met
from ecslm.preflight.planned_run import PlannedRun

GB = 10**9


def check_memory(run: PlannedRun) -> Iterator[Finding]:
    """Whether trainings and predictions fit, model by model."""
    if not run.gpu_jobs:
        return
    on = met(run)
    needs = _needs(run, requests_of(run.plan.study), on)
    if not needs:
        return
    yield _summary(needs)
    if not on.memory_known:
        return
    room = round(on.device.memory)
    yield from _trainings(run, [one for one in needs if one.trains], on)
    yield from _predictions(run, [one for one in needs if not one.trains], room)
    yield from _in_use(run, max((one.memory for one in needs if one.memory <= room), default=0))


@dataclass(frozen=True)
class Need:
    """Bytes that the jobs of a model take of a GPU."""

    model: str
    trains: bool
    memory: int
    """Bytes needed with the study's settings."""
    budget: int | None
    """Tokens of a batch that fit; None if not even the longest record does."""
    packed: int | None = None
    """The same for predictions if the base is not dequantised when it is loaded."""

    def __str__(self) -> str:
        jobs = "training of" if self.trains else "predictions of"
        return f"{jobs} {self.model}: {_gb(self.memory)}"


def _needs(run: PlannedRun, requests: Requests, on: Met) -> list[Need]:
    """What is known of all models whose jobs would run."""
    found: list[Need] = []
    tasks: dict[str, list[str]] = {}
    trained: dict[str, None] = {}
    for job in run.gpu_jobs:
        if job.rule == "train_adapter":
            trained[job.key["model"]] = None
        elif job.rule == "predict":
            tasks.setdefault(job.key["model"], []).append(job.key["task"])
    for model in trained:
        if estimate := requests.training(model, on.device):
            budget = requests.training_budget(model, on.device)
            found.append(Need(model, True, estimate.device_bytes, budget))
    for model, of_model in tasks.items():
        of_tasks = dict.fromkeys(of_model)
        estimates = [requests.prediction(model, task, on.device) for task in of_tasks]
        if known := [one.device_bytes for one in estimates if one]:
            budget, packed = (
                _least(requests.prediction_budget(model, task, on.device, one) for task in of_tasks)
                for one in (False, True)
            )
            found.append(Need(model, False, max(known), budget, packed))
    return found


def _least(budgets: Iterable[int | None]) -> int | None:
    """The smallest budget; None if there is none for one of the tasks."""
    found = [*budgets]
    fitting = [budget for budget in found if budget is not None]
    return min(fitting) if len(fitting) == len(found) else None


def _summary(needs: list[Need]) -> Finding:
    most = [
        str(max(of_kind, key=lambda one: one.memory))
        for trains in (True, False)
        if (of_kind := [one for one in needs if one.trains == trains])
    ]
    values = {
        f"{'training' if one.trains else 'predictions'} {one.model}": one.memory for one in needs
    }
    return ok(
        f"at most about this is needed, with `batch_tokens` as configured: {'; '.join(most)}",
        **values,
    )


def _trainings(run: PlannedRun, needs: list[Need], on: Met) -> Iterator[Finding]:
    """A training halves its budget of tokens where memory does not suffice, unless it is
    deterministic."""
    study = run.plan.study
    halved = []
    for one in needs:
        settings = study.local_models[one.model].training
        assert settings is not None, "it is trained"
        where = f"studies.{study.name}.models.{one.model}.training"
        if one.budget is None:
            yield error(
                f"its longest record alone takes more than the {_gb(on.device.memory)} of a GPU",
                where,
                "lower `max_length`, set `gradient_checkpointing: true`, or use larger GPUs",
            )
        elif settings.batch_tokens != "auto" and one.memory > on.device.memory:
            if settings.deterministic:
                yield error(
                    f"`batch_tokens: {settings.batch_tokens}` takes about {_gb(one.memory)}, but a "
                    f"GPU has {_gb(on.device.memory)}, and `deterministic` forbids to halve it",
                    where,
                    f"set `batch_tokens: {one.budget}`",
                )
            else:
                halved.append(f"{one.model} ({one.budget})")
    if halved:
        yield warning(
            f"will be halved where they do not fit into {_gb(on.device.memory)}, to about: "
            f"{shortened(halved)}",
            f"studies.{study.name}: batch_tokens of trainings",
            "set them to `auto` or to these numbers, so that no step is tried in vain",
        )


def _predictions(run: PlannedRun, needs: list[Need], room: int) -> Iterator[Finding]:
    """A prediction halves its batches where memory does not suffice, if `decoding` says so."""
    study = run.plan.study
    stopping: list[Need] = []
    halving: list[Need] = []
    for one in needs:
        model = study.local_models[one.model]
        decoding = [model.decoded(study.decoding(task)) for task in study.model_tasks(one.model)]
        if one.budget is None:
            change = f"`decoding: {{fused: false}}` and `batch_tokens: {one.packed}`"
            yield error(
                f"with its longest prompt alone it takes more than the {_gb(room)} of a GPU",
                f"studies.{study.name}.models.{one.model}",
                "use larger GPUs" + ("" if one.packed is None else f", or set {change}"),
            )
        elif one.budget < study.settings.batch_tokens:
            stops = any(each.oom == "stop" for each in decoding)
            (stopping if stops else halving).append(one)
    tokens = f"studies.{study.name}.batch_tokens"
    if stopping:
        yield error(
            f"with {study.settings.batch_tokens}, predictions of {_models(stopping)} take more "
            f"than the {_gb(room)} of a GPU, and stop",
            tokens,
            f"set `oom: halve` in `decoding`, or lower it to {_lowest(stopping)}",
        )
    if halving:
        yield warning(
            f"with {study.settings.batch_tokens}, batches of {_models(halving)} will be halved",
            tokens,
            f"lower it to {_lowest(halving)}, so that no batch is tried in vain",
        )


def _models(needs: list[Need]) -> str:
    return shortened([one.model for one in needs])


def _lowest(needs: list[Need]) -> int:
    return min(one.budget for one in needs if one.budget is not None)


def _in_use(run: PlannedRun, needed: int) -> Iterator[Finding]:
    """Whether others leave too little of a GPU."""
    with suppress(InputError):
        for number, gpu in enumerate(run.driver.gpus if run.driver else ()):
            if gpu.free < needed <= gpu.memory:
                yield warning(
                    f"{_gb(gpu.memory - gpu.free)} of {_gb(gpu.memory)} are used by other programs",
                    f"{gpu.name}, number {number}",
                    "end them before the run: `nvidia-smi` lists them",
                )


def _gb(count: float) -> str:
    return f"{count / GB:.0f} GB" if count >= 10 * GB else f"{count / GB:.1f} GB"
