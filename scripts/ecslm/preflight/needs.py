"""Estimates how long a run takes and what it costs, and whether models fit into GPUs."""

from collections.abc import Iterator, Sequence

from ecslm.estimates.estimate import Device, Estimate
from ecslm.plan.requests import requests_of
from ecslm.preflight.findings import Finding, PlannedRun, error, ok
from ecslm.preflight.machine import met
from ecslm.provenance.dag import Job
from ecslm.provenance.overview import counts_by_kind, takes_long, time_text

KINDS = {"train_adapter": "training", "predict": "predictions"}
TOO_LONG = "with its longest record alone: use larger GPUs, or lower `max_length`"


def check_time(run: PlannedRun) -> Iterator[Finding]:
    """Hours and cost, on the device that the run would meet or, if that is not known, on each GPU
    of resources/devices.csv."""
    long = [job for job in run.jobs if takes_long(job)]
    here, name = met(run)
    gpus = [one for one in requests_of(run.study).devices.values() if one.kind == "cuda"]
    texts, values, seconds = [], dict[str, float](), dict[Job, float]()
    for device in [here] if name else gpus:
        if not (seconds := seconds_on(run, long, device)):
            break
        count = run.profile.gpus or 1
        total = sum(one * (job.resources["gpu"] or 1) for job, one in seconds.items())
        # Jobs wait for one another.
        wall = f", at least {time_text(max(total / count, *seconds.values()))}" if count > 1 else ""
        usd = total / 3600 * device.usd_per_hour
        price = f"{usd:,.{2 if usd < 10 else 0}f} USD at {device.usd_per_hour:g} an hour"
        texts.append(f"{time_text(total)} of {name or device.name}{wall}, {price}")
        values[name or device.name] = total / 3600
    if texts:
        estimated = f"; estimated as on {here.name}" if name else ""
        yield ok("; ".join(texts) + estimated, **values)
    if unknown := [job for job in long if job not in seconds]:
        why = "of servers, or of bases whose size is known when they are fetched"
        yield ok(f"not counted: {counts_by_kind(unknown)}: {why}")


def seconds_on(run: PlannedRun, jobs: Sequence[Job], device: Device) -> dict[Job, float]:
    """What jobs take on a device, without those whose time nobody knows: of bases of unknown size,
    or of servers."""
    requests, found = requests_of(run.study), dict[Job, float]()
    loaded: set[tuple[str | None, str | None]] = set()
    for job in jobs:
        who = job.key.get("model"), job.key.get("seed")
        # Processes that keep a model serve jobs of one machine: see docs/slurm.md.
        loads = who not in loaded or not run.profile.is_local
        if estimate := requests.of_key(job.rule, job.key, device, loads):
            loaded.update([who] if job.rule == "predict" else [])
            found[job] = estimate.seconds
    return found


def check_memory(run: PlannedRun) -> Iterator[Finding]:
    """Whether trainings and predictions fit into the memory of a GPU, model by model."""
    device, name = met(run)
    # Of a model's tasks the largest counts.
    needs: dict[str, tuple[Estimate, Job]] = {}
    for job in run.gpu_jobs:
        if job.rule in KINDS:
            found = requests_of(run.study).of_key(job.rule, job.key, device, longest=True)
            jobs = f"{KINDS[job.rule]} of {job.key['model']}"
            if found and (jobs not in needs or found.device_bytes > needs[jobs][0].device_bytes):
                needs[jobs] = found, job
    if not needs:
        return
    most = max(needs, key=lambda jobs: needs[jobs][0].device_bytes)
    yield ok(
        f"at most about {needs[most][0].device_bytes / 1e9:,.1f} GB are needed, by the {most}, "
        "with `batch_tokens` as configured",
        **{jobs: found.device_bytes for jobs, (found, _) in needs.items()},
    )
    for jobs, (found, job) in needs.items():
        if name and found.device_bytes > device.memory and (fix := _fix(run, found, job)):
            needed = f"{found.device_bytes / 1e9:,.1f} GB, of the {device.memory_gb:,.1f} GB"
            yield error(f"{jobs}: {needed} of a GPU, {fix}", f"studies.{run.study.name}")


def _fix(run: PlannedRun, found: Estimate, job: Job) -> str:
    """What a job needs that would end without enough memory; empty if it halves its batches."""
    if found.budget is None:
        return TOO_LONG
    entry = run.study.local_models[job.key["model"]]
    if job.rule == "predict":
        stops = entry.decoded(run.study.decoding(job.key["task"])).oom == "stop"
    else:
        stops = bool(entry.training and entry.training.deterministic)
    return f"and the job would stop: set `batch_tokens: {found.budget}`" if stops else ""
