"""Estimates how long a run takes, and what it costs."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ecslm.common.errors import InputError
from ecslm.common.text import number_of
from ecslm.estimates.devices import Device
from ecslm.estimates.estimate import Assumption
from ecslm.plan.requests import requests_of
from ecslm.preflight.findings import Finding, ok, shortened
from ecslm.preflight.hardware import Met, met
from ecslm.preflight.planned_run import PlannedRun
from ecslm.provenance.costs import Costs
from ecslm.provenance.dag import Job
from ecslm.provenance.overview import counts_by_kind, time_text

HOUR = 3600
# Of a dollar.
CENT = 0.01
CPU = " CPU"


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
    """Jobs of models of unknown size."""
    served: tuple[Job, ...]
    """Jobs whose answers a server gives."""
    assumptions: tuple[Assumption, ...]
    """What the estimates rest on."""

    @property
    def counted(self) -> int:
        """Jobs whose time is known or estimated."""
        return self.measured + self.estimated

    @property
    def usd(self) -> float:
        """What that costs."""
        return self.total * self.device.usd_per_hour

    def at_least(self, devices: int) -> float:
        """Hours from start to end on several devices: jobs wait for one another."""
        return max(self.total / devices, self.longest)


def estimate_time(run: PlannedRun) -> Iterator[Finding]:
    """Hours and cost, on the devices that the run would meet or, if these are not known, on each of
    resources/devices.csv."""
    if not any(map(Costs(run.plan, run.known).takes_long, run.jobs)):
        return
    on = met(run)
    if on.name is None:
        devices = requests_of(run.plan.study).devices.values()
        found = [hours_on(run, Met(device)) for device in devices if device.kind == "cuda"]
        shown = "; ".join(
            f"{_number(one.total)} on {one.device.name}, {_usd(one.usd)}" for one in found
        )
        yield ok(f"GPU-hours, by the GPU: {shown}", **{one.device.name: one.total for one in found})
    else:
        found = [hours_on(run, on)]
        if found[0].counted:
            yield _summary(run, found[0], on)
    yield from _basis(found)


def hours_on(run: PlannedRun, on: Met) -> Hours:
    """The hours of a run on a device; measured ones count where they are of the same device."""
    requests, costs = requests_of(run.plan.study), Costs(run.plan, run.known)
    # Of each job, with how many devices it has.
    seconds: list[tuple[float, int]] = []
    assumptions: dict[Assumption, None] = {}
    unknown: list[Job] = []
    served: list[Job] = []
    measured = 0
    loaded: set[tuple[str, str]] = set()
    for job in filter(costs.takes_long, run.jobs):
        devices = run.plan.study.settings.gpus if job.rule == "train_adapter" else 1
        cost = costs.expected(job)
        if cost is not None and _is_same(cost.device, on, devices):
            measured += 1
            seconds.append((cost.seconds, devices))
            continue
        who = (job.key.get("model", ""), job.key.get("seed", ""))
        # Processes that keep a model serve jobs of one machine: see docs/slurm.md.
        loads = who not in loaded or not run.profile.is_local
        estimate = requests.of_key(job.rule, job.key, on.device, loads)
        if estimate is None:
            local = job.rule != "predict" or job.key["model"] in run.plan.study.local_models
            (unknown if local else served).append(job)
            continue
        if job.rule == "predict":
            loaded.add(who)
        seconds.append((estimate.seconds, devices))
        assumptions |= dict.fromkeys(estimate.assumptions)
    return Hours(
        device=on.device,
        total=sum(each * devices for each, devices in seconds) / HOUR,
        longest=max((each for each, _ in seconds), default=0.0) / HOUR,
        measured=measured,
        estimated=len(seconds) - measured,
        unknown=tuple(unknown),
        served=tuple(served),
        assumptions=tuple(assumptions),
    )


def _is_same(device: str, on: Met, count: int) -> bool:
    """Whether a cost is that of as many devices of the kind: `2 x NVIDIA L4` are two."""
    number, _, kind = device.rpartition(" x ")
    if (number or "1") != str(count):
        return False
    return CPU in kind if on.device.kind == "cpu" else kind == on.name


def _summary(run: PlannedRun, hours: Hours, on: Met) -> Finding:
    count = _at_a_time(run)
    wall, form = hours.at_least(count), "{} {}" if on.device.kind == "cpu" else "{} GPU-{}"
    at_least = time_text(wall * HOUR, "{} {}")
    spread = f", at least {at_least} with {count} at a time" if count > 1 else ""
    return ok(
        f"{time_text(hours.total * HOUR, form)} on {on.name}, estimated as {hours.device.name}"
        f"{spread}; {_usd(hours.usd)} at {hours.device.usd_per_hour:g} USD an hour",
        device_hours=hours.total,
        hours=wall,
        usd=hours.usd,
    )


def _at_a_time(run: PlannedRun) -> int:
    """Devices that compute at once: those that the profile hands out, or all of a cluster."""
    if run.profile.is_local:
        return run.profile.gpus or 1
    with suppress(InputError):
        return sum(run.cluster.values()) or 1
    return 1


def _basis(found: Sequence[Hours]) -> Iterator[Finding]:
    """The sources of the numbers, which differ between devices only in the assumptions."""
    hours = found[0]
    if hours.counted:
        yield _counted(found)
    if hours.unknown:
        yield ok(
            f"{_left_out(hours.unknown)}, since the size of the base is not known before it is "
            "fetched"
        )
    if hours.served:
        yield ok(f"{_left_out(hours.served)}, whose time and price are a server's")
    if assumptions := dict.fromkeys(one for each in found for one in each.assumptions):
        kinds = Counter(one.evidence for one in assumptions)
        shown = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
        yield Finding(
            "ok",
            f"estimates rest on {len(assumptions)} numbers ({shown}): `--json` has them",
            details=tuple(one.text() for one in assumptions),
        )


def _counted(found: Sequence[Hours]) -> Finding:
    hours = found[0]
    last = f"{number_of(hours.measured, 'job')} as last measured, " if hours.measured else ""
    jobs = f"{last}{number_of(hours.estimated, 'job')} estimated"
    rows = [one.device.row for one in found]
    prices = (f"price of {row.device} as of {row.price_as_of}: {row.price_from}" for row in rows)
    return ok("; ".join((jobs, *prices)), measured=hours.measured, estimated=hours.estimated)


def _left_out(jobs: Sequence[Job]) -> str:
    models = dict.fromkeys(job.key["model"] for job in jobs if "model" in job.key)
    return f"not counted: {counts_by_kind(jobs)} ({shortened(list(models))})"


def _number(value: float) -> str:
    """A number with two digits at least, as far as hundredths."""
    return f"{value:,.{0 if value >= 10 else 1 if value >= 1 else 2}f}"


def _usd(value: float) -> str:
    if value < CENT:
        return "less than 0.01 USD"
    return f"{value:,.0f} USD" if value >= 10 else f"{value:,.2f} USD"
