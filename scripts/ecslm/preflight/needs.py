"""Estimates how long a run takes and what it costs, and whether models fit into GPUs."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from ecslm.common.text import number_of
from ecslm.estimates.devices import Device
from ecslm.preflight.findings import Finding, error, ok, shortened, warning
from ecslm.preflight.machine import Met, met
from ecslm.preflight.planned_run import PlannedRun
from ecslm.provenance.costs import Costs, takes_long
from ecslm.provenance.dag import Job
from ecslm.provenance.overview import counts_by_kind, time_text

HOUR = 3600


@dataclass
class Hours:
    """What the jobs of a run take on one kind of device."""

    total: float = 0.0
    """Hours of all jobs, counted for each device that a job uses."""
    longest: float = 0.0
    """Hours of the longest job."""
    measured: int = 0
    """Number of jobs that ran here before, or whose like did."""
    estimated: int = 0
    unknown: list[Job] = field(default_factory=list)
    """Jobs whose time nobody knows: of bases of unknown size, or of servers."""


def check_time(run: PlannedRun) -> Iterator[Finding]:
    """Hours and cost, on the devices that the run would meet or, if these are not known, on each of
    resources/devices.csv."""
    if not any(map(takes_long, run.jobs)):
        return
    on = met(run)
    known = [Met(one) for one in run.requests.devices.values() if one.kind == "cuda"]
    found = [(one, hours_on(run, one)) for one in (known if on.name is None else [on])]
    _, hours = found[0]
    if on.name is None:
        shown = (
            f"{_short(one.total)} on {each.device.name}, "
            f"{_short(one.total * each.device.usd_per_hour)} USD"
            for each, one in found
        )
        totals = {each.device.name: one.total for each, one in found}
        yield ok(f"GPU-hours, by the GPU: {'; '.join(shown)}", **totals)
    elif hours.total:
        yield _summary(run, hours, on)
    if hours.unknown:
        models = dict.fromkeys(job.key["model"] for job in hours.unknown if "model" in job.key)
        yield ok(
            f"not counted: {counts_by_kind(hours.unknown)} ({shortened(list(models))}): of "
            "servers, or of bases whose size is known when they are fetched"
        )


def hours_on(run: PlannedRun, on: Met) -> Hours:
    """The hours of a run on a device; measured ones count where they are of the same device."""
    costs, hours = Costs(run.known), Hours()
    loaded: set[tuple[str | None, str | None]] = set()
    for job in filter(takes_long, run.jobs):
        devices = job.resources["gpu"] or 1
        cost = costs.expected(job)
        if cost is not None and _is_same(cost.device, on, devices):
            seconds = cost.seconds
            hours.measured += 1
        else:
            who = job.key.get("model"), job.key.get("seed")
            # Processes that keep a model serve jobs of one machine: see docs/slurm.md.
            loads = who not in loaded or not run.profile.is_local
            estimate = run.requests.of_key(job.rule, job.key, on.device, loads)
            if estimate is None:
                hours.unknown.append(job)
                continue
            if job.rule == "predict":
                loaded.add(who)
            seconds = estimate.seconds
            hours.estimated += 1
        hours.total += seconds * devices / HOUR
        hours.longest = max(hours.longest, seconds / HOUR)
    return hours


def _is_same(device: str, on: Met, count: int) -> bool:
    """Whether a cost is that of as many devices of the kind: `2 x NVIDIA L4` are two."""
    number, _, kind = device.rpartition(" x ")
    same = " CPU" in kind if on.device.kind == "cpu" else kind == on.name
    return same and (number or "1") == str(count)


def _summary(run: PlannedRun, hours: Hours, on: Met) -> Finding:
    count = run.profile.gpus or 1
    # Jobs wait for one another.
    wall = max(hours.total / count, hours.longest)
    form = "{} {}" if on.device.kind == "cpu" else "{} GPU-{}"
    at_least = time_text(wall * HOUR, "{} {}")
    spread = f", at least {at_least} with {count} at a time" if count > 1 else ""
    last = f"{number_of(hours.measured, 'job')} as last measured, " if hours.measured else ""
    price = on.device.usd_per_hour
    return ok(
        f"{time_text(hours.total * HOUR, form)} on {on.name}{spread}; "
        f"{_short(hours.total * price)} USD at {price:g} USD an hour; {last}"
        f"{number_of(hours.estimated, 'job')} estimated as on {on.device.name}",
        device_hours=hours.total,
        hours=wall,
        usd=hours.total * price,
        measured=hours.measured,
        estimated=hours.estimated,
    )


def _short(number: float) -> str:
    """Two decimals at most: `0.05`, `3.42`, `30`, `1,204`."""
    return f"{number:,.2f}" if number < 10 else f"{number:,.0f}"


@dataclass(frozen=True)
class Need:
    """Bytes that jobs of a model take of a GPU with the study's settings."""

    jobs: str
    """For example `training of Small-EC`."""
    memory: int
    budget: int | None
    """Tokens of a batch that fit; None if not even the longest record does."""
    stops: bool
    """Whether the jobs stop where the memory does not suffice; otherwise they halve batches."""

    def __str__(self) -> str:
        return f"{self.jobs}: {self.memory / 1e9:,.1f} GB"


def check_memory(run: PlannedRun) -> Iterator[Finding]:
    """Whether trainings and predictions fit into the memory of a GPU, model by model."""
    if not run.gpu_jobs:
        return
    on = met(run)
    needs = _needs(run, on.device)
    if needs:
        largest = sorted(needs, key=lambda one: one.memory)
        of_kind = {one.jobs.partition(" ")[0]: one for one in largest}
        yield ok(
            "at most about this is needed, with `batch_tokens` as configured: "
            f"{'; '.join(map(str, of_kind.values()))}",
            **{one.jobs: one.memory for one in needs},
        )
    if on.name is None:
        return
    room = f"of the {on.device.memory / 1e9:,.1f} GB of a GPU"
    for one in needs:
        fix = ""
        if one.budget is None:
            fix = (
                "with its longest record alone: use larger GPUs, or lower `max_length` or, for a "
                "training, set `gradient_checkpointing: true`"
            )
        elif one.stops and one.memory > on.device.memory:
            fix = f"and the job would stop: set `batch_tokens: {one.budget}`"
        if fix:
            yield error(f"{one}, {room}, {fix}", f"studies.{run.study.name}")
    for number, gpu in enumerate(run.driver.gpus if run.driver else ()):
        if gpu.free < max((one.memory for one in needs if one.memory <= gpu.memory), default=0):
            yield warning(
                f"{(gpu.memory - gpu.free) / 1e9:,.1f} of {gpu.memory / 1e9:,.1f} GB are used by "
                "other programs: end them before the run: `nvidia-smi` lists them",
                f"{gpu.name}, number {number}",
            )


def _needs(run: PlannedRun, device: Device) -> list[Need]:
    """What the jobs of each model need whose base is known; of its tasks the largest counts."""
    needs: dict[str, Need] = {}
    requests, study = run.requests, run.study
    keys = ((job.rule, job.key.get("model", ""), job.key.get("task", "")) for job in run.gpu_jobs)
    for rule, model, task in dict.fromkeys(keys):
        if rule == "train_adapter":
            settings = study.local_models[model].training
            jobs, found = f"training of {model}", requests.training(model, device)
            budget = requests.training_budget(model, device)
            stops = settings and settings.deterministic and settings.batch_tokens != "auto"
        elif rule == "predict":
            decoding = study.local_models[model].decoded(study.decoding(task))
            jobs, found = f"predictions of {model}", requests.prediction(model, task, device)
            budget = requests.prediction_budget(model, task, device)
            stops = decoding.oom == "stop"
        else:
            continue
        if found is not None:
            need = Need(jobs, found.device_bytes, budget, bool(stops))
            needs[jobs] = max(needs.get(jobs, need), need, key=lambda one: one.memory)
    return list(needs.values())
