"""Estimates how long a run takes and what it costs, and whether models fit into GPUs."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from ecslm.common.text import number_of
from ecslm.estimates.devices import Device
from ecslm.preflight.findings import Finding, error, ok, shortened, warning
from ecslm.preflight.machine import Met, met
from ecslm.preflight.planned_run import PlannedRun
from ecslm.provenance.costs import Costs
from ecslm.provenance.dag import Job
from ecslm.provenance.overview import counts_by_kind, time_text

HOUR = 3600


@dataclass(frozen=True)
class Hours:
    """What the jobs of a run take on one kind of device."""

    device: Device
    total: float
    """Hours of all jobs, counted for each device that a job uses."""
    longest: float
    """Hours of the longest job."""
    measured: int
    """Number of jobs that ran here before, or whose like did."""
    estimated: int
    unknown: tuple[Job, ...]
    """Jobs whose time nobody knows: of bases of unknown size, or of servers."""

    @property
    def usd(self) -> float:
        """What that costs."""
        return self.total * self.device.usd_per_hour

    def __str__(self) -> str:
        """Hours and cost on the device."""
        return f"{_short(self.total)} on {self.device.name}, {_short(self.usd)} USD"


def check_time(run: PlannedRun) -> Iterator[Finding]:
    """Hours and cost, on the devices that the run would meet or, if these are not known, on each of
    resources/devices.csv."""
    if not any(map(Costs(run.study, run.known).takes_long, run.jobs)):
        return
    on = met(run)
    if on.name is None:
        devices = run.requests.devices.values()
        found = [hours_on(run, Met(device)) for device in devices if device.kind == "cuda"]
        shown = "; ".join(map(str, found))
        yield ok(f"GPU-hours, by the GPU: {shown}", **{one.device.name: one.total for one in found})
    else:
        found = [hours_on(run, on)]
        if found[0].total:
            yield _summary(run, found[0], on)
    if unknown := found[0].unknown:
        models = dict.fromkeys(job.key["model"] for job in unknown if "model" in job.key)
        yield ok(
            f"not counted: {counts_by_kind(unknown)} ({shortened(list(models))}): of servers, "
            "or of bases whose size is known when they are fetched"
        )


def hours_on(run: PlannedRun, on: Met) -> Hours:
    """The hours of a run on a device; measured ones count where they are of the same device."""
    costs = Costs(run.study, run.known)
    # Of each job, with how many devices it has.
    seconds: list[tuple[float, int]] = []
    unknown: list[Job] = []
    measured = 0
    loaded: set[tuple[str, str]] = set()
    for job in filter(costs.takes_long, run.jobs):
        devices = job.resources["gpu"] or 1
        cost = costs.expected(job)
        if cost is not None and _is_same(cost.device, on, devices):
            measured += 1
            seconds.append((cost.seconds, devices))
            continue
        who = (job.key.get("model", ""), job.key.get("seed", ""))
        # Processes that keep a model serve jobs of one machine: see docs/slurm.md.
        loads = who not in loaded or not run.profile.is_local
        estimate = run.requests.of_key(job.rule, job.key, on.device, loads)
        if estimate is None:
            unknown.append(job)
            continue
        if job.rule == "predict":
            loaded.add(who)
        seconds.append((estimate.seconds, devices))
    return Hours(
        device=on.device,
        total=sum(each * devices for each, devices in seconds) / HOUR,
        longest=max((each for each, _ in seconds), default=0.0) / HOUR,
        measured=measured,
        estimated=len(seconds) - measured,
        unknown=tuple(unknown),
    )


def _is_same(device: str, on: Met, count: int) -> bool:
    """Whether a cost is that of as many devices of the kind: `2 x NVIDIA L4` are two."""
    number, _, kind = device.rpartition(" x ")
    same = " CPU" in kind if on.device.kind == "cpu" else kind == on.name
    return same and (number or "1") == str(count)


def _summary(run: PlannedRun, hours: Hours, on: Met) -> Finding:
    count = sum(run.cluster.gpus.values()) or run.profile.gpus or 1
    # Jobs wait for one another.
    wall = max(hours.total / count, hours.longest)
    form = "{} {}" if on.device.kind == "cpu" else "{} GPU-{}"
    at_least = time_text(wall * HOUR, "{} {}")
    spread = f", at least {at_least} with {count} at a time" if count > 1 else ""
    last = f"{number_of(hours.measured, 'job')} as last measured, " if hours.measured else ""
    return ok(
        f"{time_text(hours.total * HOUR, form)} on {on.name}{spread}; {_short(hours.usd)} USD at "
        f"{hours.device.usd_per_hour:g} USD an hour; {last}{number_of(hours.estimated, 'job')} "
        f"estimated as on {hours.device.name}",
        device_hours=hours.total,
        hours=wall,
        usd=hours.usd,
        measured=hours.measured,
        estimated=hours.estimated,
    )


def _short(number: float) -> str:
    """Two decimals at most: `0.05`, `3.42`, `30`, `1,204`."""
    return f"{number:,.2f}" if number < 10 else f"{number:,.0f}"


@dataclass(frozen=True)
class Need:
    """Bytes that the jobs of a model take of a GPU with the study's settings."""

    model: str
    trains: bool
    memory: int
    budget: int | None
    """Tokens of a batch that fit; None if not even the longest record does."""

    def __str__(self) -> str:
        jobs = "training of" if self.trains else "predictions of"
        return f"{jobs} {self.model}: {self.memory / 1e9:,.1f} GB"


def check_memory(run: PlannedRun) -> Iterator[Finding]:
    """Whether trainings and predictions fit into the memory of a GPU, model by model."""
    if not run.gpu_jobs:
        return
    on = met(run)
    needs = sorted(_needs(run, on.device), key=lambda one: not one.trains)
    most = [
        max(of_kind, key=lambda one: one.memory)
        for _, of_kind in groupby(needs, lambda one: one.trains)
    ]
    if most:
        yield ok(
            "at most about this is needed, with `batch_tokens` as configured: "
            f"{'; '.join(map(str, most))}",
            **{str(one).partition(":")[0]: one.memory for one in needs},
        )
    if on.memory_known:
        for one in needs:
            yield from _problems(run, one, on.device)
        yield from _in_use(run, needs)


def _needs(run: PlannedRun, device: Device) -> Iterator[Need]:
    """Those of each model whose base is known; tasks differ in their lengths."""
    requests = run.requests
    of_tasks: dict[tuple[bool, str], list[tuple[int, int | None]]] = defaultdict(list)
    keys = {(job.rule, job.key["model"], job.key.get("task", "")): None for job in run.gpu_jobs}
    for rule, model, task in keys:
        if rule == "train_adapter" and (found := requests.training(model, device)):
            budget = requests.training_budget(model, device)
            of_tasks[True, model].append((found.device_bytes, budget))
        elif rule == "predict" and (found := requests.prediction(model, task, device)):
            budget = requests.prediction_budget(model, task, device)
            of_tasks[False, model].append((found.device_bytes, budget))
    for (trains, model), pairs in of_tasks.items():
        budget = min((budget for _, budget in pairs), key=lambda one: one or 0)
        yield Need(model, trains, max(memory for memory, _ in pairs), budget)


def _problems(run: PlannedRun, need: Need, device: Device) -> Iterator[Finding]:
    """Trainings and predictions halve their batches where memory does not suffice, unless the
    configuration forbids it."""
    study, model = run.study, run.study.local_models[need.model]
    where, room = f"studies.{study.name}.models.{need.model}", f"{device.memory / 1e9:,.1f} GB"
    if need.budget is None:
        fix = (
            "lower `max_length`, set `gradient_checkpointing: true`, or use larger GPUs"
            if need.trains
            else "use larger GPUs, or set `decoding: {fused: false}`"
        )
        yield error(f"{need}, with its longest record alone, of the {room} of a GPU: {fix}", where)
        return
    if need.trains:
        training, place = model.training, f"{where}.training"
        stops = training is not None and training.deterministic and training.batch_tokens != "auto"
    else:
        decoded = (model.decoded(study.decoding(task)) for task in study.model_tasks(need.model))
        stops, place = any(one.oom == "stop" for one in decoded), f"studies.{study.name}"
    if stops and need.memory > device.memory:
        yield error(
            f"{need}, of the {room} of a GPU, and the job would stop: set `batch_tokens: "
            f"{need.budget}`",
            place,
        )


def _in_use(run: PlannedRun, needs: Sequence[Need]) -> Iterator[Finding]:
    """Whether others leave too little of a GPU."""
    for number, gpu in enumerate(run.driver.gpus if run.driver else ()):
        needed = max((one.memory for one in needs if one.memory <= gpu.memory), default=0)
        if gpu.free < needed:
            yield warning(
                f"{(gpu.memory - gpu.free) / 1e9:,.1f} of {gpu.memory / 1e9:,.1f} GB are used by "
                "other programs: end them before the run: `nvidia-smi` lists them",
                f"{gpu.name}, number {number}",
            )
