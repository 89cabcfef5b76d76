"""Estimates how long a run takes and what it costs, and whether models fit into GPUs."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ecslm.common.text import number_of
from ecslm.estimates.estimate import Device, Estimate
from ecslm.plan.requests import requests_of
from ecslm.preflight.findings import Finding, PlannedRun, error, ok, warning
from ecslm.preflight.machine import met
from ecslm.provenance.dag import Job
from ecslm.provenance.overview import cost_in, counts_by_kind, takes_long, time_text

HOUR = 3600
KINDS = {"train_adapter": "training", "predict": "predictions"}
TOO_LONG = (
    "with its longest record alone: use larger GPUs, or lower `max_length` or, for a training, set "
    "`gradient_checkpointing: true`"
)


class Work(NamedTuple):
    """What a job takes on one kind of device."""

    job: Job
    hours: float
    devices: int
    measured: bool
    """Whether it ran here before; otherwise it is estimated."""


def check_time(run: PlannedRun) -> Iterator[Finding]:
    """Hours and cost, on the devices that the run would meet or, if these are not known, on each of
    resources/devices.csv."""
    long = [job for job in run.jobs if takes_long(job)]
    if not long:
        return
    device, name = met(run)
    work = work_on(run, long, device, name)
    if name is None:
        gpus = [one for one in requests_of(run.study).devices.values() if one.kind == "cuda"]
        totals = {one: _total(work_on(run, long, one, None)) for one in gpus}
        shown = (
            f"{_short(hours)} on {one.name}, {_short(hours * one.usd_per_hour)} USD"
            for one, hours in totals.items()
        )
        values = {one.name: hours for one, hours in totals.items()}
        yield ok(f"GPU-hours, by the GPU: {'; '.join(shown)}", **values)
    elif work:
        yield _summary(run, work, device, name)
    counted = {one.job for one in work}
    if unknown := [job for job in long if job not in counted]:
        why = "of servers, or of bases whose size is known when they are fetched"
        yield ok(f"not counted: {counts_by_kind(unknown)}: {why}")


def work_on(run: PlannedRun, jobs: Sequence[Job], device: Device, name: str | None) -> list[Work]:
    """What jobs take on a device, without those whose time nobody knows: of bases of unknown size,
    or of servers. Measured times count where they are of as many devices of the same kind.

    Args:
        name: that which this machine gives the device.
    """
    requests, found = requests_of(run.study), list[Work]()
    loaded: set[tuple[str | None, str | None]] = set()
    for job in jobs:
        count, cost = job.resources["gpu"] or 1, cost_in(job.outputs.get("cost", ()))
        here = f"{count} x {name}" if count > 1 else str(name)
        on_cpu = device.kind == "cpu" and cost is not None and " CPU" in cost.device
        if cost is not None and (on_cpu or cost.device == here):
            found.append(Work(job, cost.total / HOUR, count, measured=True))
            continue
        who = job.key.get("model"), job.key.get("seed")
        # Processes that keep a model serve jobs of one machine: see docs/slurm.md.
        loads = who not in loaded or not run.profile.is_local
        if estimate := requests.of_key(job.rule, job.key, device, loads):
            loaded.update([who] if job.rule == "predict" else [])
            found.append(Work(job, estimate.seconds / HOUR, count, measured=False))
    return found


def _total(work: Sequence[Work]) -> float:
    """Hours of all jobs, counted for each device that a job uses."""
    return sum(one.hours * one.devices for one in work)


def _summary(run: PlannedRun, work: Sequence[Work], device: Device, name: str) -> Finding:
    count, total = run.profile.gpus or 1, _total(work)
    measured, usd = sum(one.measured for one in work), total * device.usd_per_hour
    # Jobs wait for one another.
    wall = max(total / count, *(one.hours for one in work))
    at_least = f", at least {time_text(wall * HOUR)} with {count} at a time" if count > 1 else ""
    return ok(
        f"{time_text(total * HOUR)} of {name}{at_least}; "
        f"{_short(usd)} USD at {device.usd_per_hour:g} USD an hour; "
        f"{number_of(measured, 'job')} as last measured, "
        f"{number_of(len(work) - measured, 'job')} estimated as on {device.name}",
        **{"device_hours": total, "hours": wall, "usd": usd, "measured": measured},
    )


def _short(number: float) -> str:
    """Two decimals at most: `0.05`, `3.42`, `30`, `1,204`."""
    return f"{number:,.2f}" if number < 10 else f"{number:,.0f}"


def check_memory(run: PlannedRun) -> Iterator[Finding]:
    """Whether trainings and predictions fit into the memory of a GPU, model by model."""
    device, name = met(run)
    keys = [(job.rule, job.key.get("model", ""), job.key.get("task", "")) for job in run.gpu_jobs]
    # Of a model's tasks the largest counts.
    needs: dict[str, tuple[int, str]] = {}
    for rule, model, task in dict.fromkeys(key for key in keys if key[0] in KINDS):
        key, jobs = {"model": model, "task": task}, f"{KINDS[rule]} of {model}"
        found = requests_of(run.study).of_key(rule, key, device, longest=True)
        if found is not None and found.device_bytes > needs.get(jobs, (0, ""))[0]:
            needs[jobs] = found.device_bytes, _refusal(run, found, device, rule, model, task)
    if not needs:
        return
    most = max(needs, key=needs.__getitem__)
    yield ok(
        f"at most about {needs[most][0] / 1e9:,.1f} GB are needed, by the {most}, with "
        "`batch_tokens` as configured",
        **{jobs: needed for jobs, (needed, _) in needs.items()},
    )
    if name is None:
        return
    for jobs, (needed, refusal) in needs.items():
        if refusal:
            room = f"{needed / 1e9:,.1f} GB, of the {device.memory / 1e9:,.1f} GB of a GPU"
            yield error(f"{jobs}: {room}, {refusal}", f"studies.{run.study.name}")
    for number, gpu in enumerate(run.driver.gpus if run.driver else ()):
        if gpu.free < max((one for one, _ in needs.values() if one <= gpu.memory), default=0):
            used = f"{(gpu.memory - gpu.free) / 1e9:,.1f} of {gpu.memory / 1e9:,.1f} GB are used"
            fix = "end them before the run: `nvidia-smi` lists them"
            yield warning(f"{used} by other programs: {fix}", f"{gpu.name}, number {number}")


def _refusal(
    run: PlannedRun, found: Estimate, device: Device, rule: str, model: str, task: str
) -> str:
    """Why a job would end without enough memory; empty if it would not, or halves its batches."""
    if found.budget is None:
        return TOO_LONG
    entry = run.study.local_models[model]
    if rule == "predict":
        stops = entry.decoded(run.study.decoding(task)).oom == "stop"
    else:
        training = entry.training
        stops = bool(training and training.deterministic and training.batch_tokens != "auto")
    small = found.device_bytes > device.memory
    return f"and the job would stop: set `batch_tokens: {found.budget}`" if small and stops else ""
