"""The findings of checks, how they are shown, and the run that checks are about."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from ecslm.common.errors import InputError, Problem
from ecslm.common.text import number_of
from ecslm.plan.study import Study
from ecslm.preflight.drivers import Driver, read_driver
from ecslm.preflight.profiles import Profile
from ecslm.provenance.dag import Job
from ecslm.provenance.why import WIDTH


@dataclass(frozen=True)
class Finding(Problem):
    """What a check found. With an error a run would fail; a warning does not stop it."""

    severity: Literal["ok", "warning", "error"] = "error"
    check: str = ""
    """The check that found it."""
    values: Mapping[str, float] = field(default_factory=dict, hash=False)
    """The numbers in the message, for programs."""


def ok(message: str, **values: float) -> Finding:
    """A finding about something that is there, or that is only information."""
    return Finding(message, severity="ok", values=values)


def warning(message: str, path: object = "") -> Finding:
    """A finding that does not stop a run."""
    return Finding(message, str(path), severity="warning")


def error(message: str, path: object = "") -> Finding:
    """A finding for which a run would fail."""
    return Finding(message, str(path))


def refusals(problems: InputError) -> list[Finding]:
    """The lines by which a run would be refused, which say what to do."""
    return [Finding(**vars(one)) for one in problems.details]


def found_by(check: str, findings: Iterable[Finding]) -> list[Finding]:
    """The findings of a check, each once, under its name; it may also refuse the run as its start
    would."""
    found: list[Finding] = []
    try:
        for one in findings:
            found.append(one)
    except InputError as problems:
        found += refusals(problems)
    return [replace(one, check=check, path=str(one.path)) for one in dict.fromkeys(found)]


def fails(findings: Iterable[Finding]) -> bool:
    """Whether a run would fail."""
    return any(one.severity == "error" for one in findings)


def as_text(title: str, findings: Sequence[Finding]) -> str:
    """A paragraph for each finding, by check, and the verdict in the last line."""
    width = max(len(one.check) for one in findings)
    lines, before = [title, ""], ""
    for one in findings:
        start = f"{'' if one.check == before else one.check:<{width}}  {one.severity:<7}  "
        first, *more = textwrap.wrap(
            str(one), WIDTH - len(start), break_on_hyphens=False, break_long_words=False
        )
        lines += [start + first, *(" " * len(start) + line for line in more)]
        before = one.check
    severities = [one.severity for one in findings]
    counts = {word: severities.count(word) for word in ("error", "warning")}
    counted = [number_of(number, word) for word, number in counts.items() if number]
    outcome = "a run would fail" if fails(findings) else "a run can start"
    return "\n".join((*lines, "", f"{outcome}: {', '.join(counted) or 'nothing is missing'}"))


@dataclass(frozen=True, eq=False)
class PlannedRun:
    """A run of a study that somebody is about to start: what it would do, and the machines that it
    would meet."""

    study: Study
    known: tuple[Job, ...]
    """All jobs of the study, the finished ones included."""
    profile: Profile

    @cached_property
    def driver(self) -> Driver | None:
        """The NVIDIA driver of this machine; None if it has none, or if that does not answer."""
        try:
            return read_driver()
        except InputError:
            # `check_gpus` says so.
            return None

    @cached_property
    def jobs(self) -> tuple[Job, ...]:
        """The jobs that it would do."""
        return tuple(job for job in self.known if job.due)

    @cached_property
    def sent_jobs(self) -> tuple[Job, ...]:
        """The jobs that a cluster's nodes would run; the others take seconds, and run here."""
        return tuple(job for job in self.jobs if "gpu" in job.resources)

    @cached_property
    def model_jobs(self) -> tuple[Job, ...]:
        """The jobs that load a model; predictions may also be a server's, or exist already."""
        return tuple(job for job in self.sent_jobs if job.resources["gpu"])

    @cached_property
    def gpu_jobs(self) -> tuple[Job, ...]:
        """The jobs that need a GPU, none where models run on the CPU."""
        return tuple(job for job in self.model_jobs if self.device_of(job) == "cuda")

    def device_of(self, job: Job) -> str:
        """The device, `cpu` or `cuda`, of a job that loads a model."""
        return self.profile.resource(job.rule, "device", job.resources["device"])
