"""Estimates how long a run takes and what it costs, and whether models fit into GPUs."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ecslm.common.text import number_of
from ecslm.estimates.devices import Device
from ecslm.preflight.findings import Finding, error, ok, shortened, warning
from ecslm.preflight.machine import Met, met
from ecslm.preflight.planned_run import PlannedRun
from ecslm.preflight.slurm import Cluster
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

    def at_least(self, devices: int) -> float:
        """Hours from start to end on several devices: jobs wait for one another."""
        return max(self.total / devices, self.longest)


def check_time(run: PlannedRun) -> Iterator[Finding]:
    """Hours and cost, on the devices that the run would meet or, if these are not known, on each of
    resources/devices.csv."""
    if not any(map(Costs(run.plan, run.known).takes_long, run.jobs)):
        return
    on = met(run)
    if on.name is None:
        devices = run.requests.devices.values()
        found = [hours_on(run, Met(device)) for device in devices if device.kind == "cuda"]
        shown = "; ".join(f"{_short(one.total)} on {one.device.name}, {_usd(one)}" for one in found)
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
    costs = Costs(run.plan, run.known)
    # Of each job, with how many devices it has.
    seconds: list[tuple[float, int]] = []
    unknown: list[Job] = []
    measured = 0
    loaded: set[tuple[str, str]] = set()
    for job in filter(costs.takes_long, run.jobs):
        devices = run.devices_of(job)
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
    if (number or "1") != str(count):
        return False
    return " CPU" in kind if on.device.kind == "cpu" else kind == on.name


def _summary(run: PlannedRun, hours: Hours, on: Met) -> Finding:
    count = run.profile.gpus or 1
    if isinstance(run.cluster, Cluster):
        count = sum(run.cluster.gpus.values()) or 1
    wall, form = hours.at_least(count), "{} {}" if on.device.kind == "cpu" else "{} GPU-{}"
    at_least = time_text(wall * HOUR, "{} {}")
    spread = f", at least {at_least} with {count} at a time" if count > 1 else ""
    last = f"{number_of(hours.measured, 'job')} as last measured, " if hours.measured else ""
    return ok(
        f"{time_text(hours.total * HOUR, form)} on {on.name}{spread}; {_usd(hours)} at "
        f"{hours.device.usd_per_hour:g} USD an hour; {last}{number_of(hours.estimated, 'job')} "
        f"estimated as on {hours.device.name}",
        device_hours=hours.total,
        hours=wall,
        usd=hours.usd,
        measured=hours.measured,
        estimated=hours.estimated,
    )


def _usd(hours: Hours) -> str:
    return f"{_short(hours.usd)} USD"


def _short(value: float) -> str:
    return f"{value:,.{0 if value >= 10 else 2}f}"


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
    needs = [*_trainings(run, on.device), *_predictions(run, on.device)]
    if not needs:
        return
    most = [
        str(max(of_kind, key=lambda one: one.memory))
        for trains in (True, False)
        if (of_kind := [one for one in needs if one.trains == trains])
    ]
    yield ok(
        f"at most about this is needed, with `batch_tokens` as configured: {'; '.join(most)}",
        **{str(one).partition(":")[0]: one.memory for one in needs},
    )
    if on.memory_known:
        for one in needs:
            yield from _problems(run, one, on.device)
        yield from _in_use(run, needs)


def _trainings(run: PlannedRun, device: Device) -> Iterator[Need]:
    jobs = (job for job in run.gpu_jobs if job.rule == "train_adapter")
    for model in dict.fromkeys(job.key["model"] for job in jobs):
        if estimate := run.requests.training(model, device):
            budget = run.requests.training_budget(model, device)
            yield Need(model, True, estimate.device_bytes, budget)


def _predictions(run: PlannedRun, device: Device) -> Iterator[Need]:
    tasks: dict[str, dict[str, None]] = {}
    for job in run.gpu_jobs:
        if job.rule == "predict":
            tasks.setdefault(job.key["model"], {})[job.key["task"]] = None
    for model, of_model in tasks.items():
        estimates = [run.requests.prediction(model, task, device) for task in of_model]
        budgets = [run.requests.prediction_budget(model, task, device) for task in of_model]
        if known := [one.device_bytes for one in estimates if one]:
            yield Need(model, False, max(known), _least(budgets))


def _least(budgets: Sequence[int | None]) -> int | None:
    """The smallest budget; None if there is none for one of the tasks."""
    known = [one for one in budgets if one is not None]
    return min(known) if len(known) == len(budgets) else None


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
    if need.memory <= device.memory:
        return
    if need.trains:
        training = model.training
        stops = training is not None and training.deterministic and training.batch_tokens != "auto"
        place = f"{where}.training"
    else:
        decoded = (model.decoded(study.decoding(task)) for task in study.model_tasks(need.model))
        stops = any(one.oom == "stop" for one in decoded)
        place = f"studies.{study.name}"
    if stops:
        yield error(
            f"{need}, of the {room} of a GPU, and the job would stop: set `batch_tokens: "
            f"{need.budget}`",
            place,
        )


def _in_use(run: PlannedRun, needs: Iterable[Need]) -> Iterator[Finding]:
    """Whether others leave too little of a GPU."""
    for number, gpu in enumerate(run.driver.gpus if run.driver else ()):
        needed = max((one.memory for one in needs if one.memory <= gpu.memory), default=0)
        if gpu.free < needed:
            yield warning(
                f"{(gpu.memory - gpu.free) / 1e9:,.1f} of {gpu.memory / 1e9:,.1f} GB are used by "
                "other programs: end them before the run: `nvidia-smi` lists them",
                f"{gpu.name}, number {number}",
            )
