"""The findings of checks, how they are shown, and the run that checks are about, with the GPUs of
this machine, their driver, and the CUDA of torch, which is not loaded."""

import os
import re
import textwrap
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import pynvml

from ecslm.common.devices import list_devices, visible_devices
from ecslm.common.errors import InputError, Problem
from ecslm.common.locks import DEVICES_VARIABLE
from ecslm.common.text import number_of
from ecslm.plan.study import Study
from ecslm.preflight.profiles import Profile
from ecslm.provenance.dag import Job
from ecslm.provenance.why import WIDTH

# As torch writes it into its version.py.
CUDA = re.compile(r"^cuda\b[^=\n]*=\s*'(\d+)\.\d+'", re.MULTILINE)


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


def fails(findings: Iterable[Finding]) -> bool:
    """Whether a run would fail."""
    return any(one.severity == "error" for one in findings)


def as_text(title: str, findings: Sequence[Finding]) -> str:
    """A paragraph for each finding, by check, and the verdict in the last line."""
    width = max(len(one.check) for one in findings)
    lines, before = [title, ""], ""
    for one in findings:
        start = f"{'' if one.check == before else one.check:<{width}}  {one.severity:<7}  "
        wrapper = textwrap.TextWrapper(WIDTH, start, " " * len(start), break_long_words=False)
        wrapper.break_on_hyphens = False
        lines.append(wrapper.fill(str(one)))
        before = one.check
    severities = [one.severity for one in findings]
    counts = {word: severities.count(word) for word in ("error", "warning")}
    counted = [number_of(number, word) for word, number in counts.items() if number]
    outcome = "a run would fail" if fails(findings) else "a run can start"
    return "\n".join((*lines, "", f"{outcome}: {', '.join(counted) or 'nothing is missing'}"))


@dataclass(frozen=True)
class Gpu:
    """A GPU."""

    name: str
    memory: int
    """Bytes."""
    capability: tuple[int, int]
    """The compute capability, such as 9.0 of an H100."""


@dataclass(frozen=True)
class Driver:
    """The NVIDIA driver, and the GPUs that jobs started here would lease."""

    cuda: int
    """The newest major version of CUDA that it runs."""
    gpus: tuple[Gpu, ...]

    def problem(self, built: int | None) -> str:
        """Why it does not run what was built for a major version of CUDA; empty if it does.

        It runs what was built for its major version or an earlier one: see "CUDA compatibility" in
        NVIDIA's documentation.
        """
        if built is None or built <= self.cuda:
            return ""
        fix = f"install a driver for CUDA {built}, or a build of torch for CUDA {self.cuda}"
        return f"it runs CUDA up to {self.cuda}, but torch is built for {built}: {fix}"


def read_driver() -> Driver | None:
    """The driver of this machine; None if it has none, or no GPU.

    Raises:
        InputError: it does not answer, or CUDA_VISIBLE_DEVICES names a GPU that there is not.
    """
    if not (present := list_devices()):
        return None
    gpus = []
    pynvml.nvmlInit()
    for device in visible_devices(present, os.environ.get(DEVICES_VARIABLE)):
        handle = pynvml.nvmlDeviceGetHandleByUUID(device.uuid)
        memory = int(pynvml.nvmlDeviceGetMemoryInfo(handle).total)
        major, minor = pynvml.nvmlDeviceGetCudaComputeCapability(handle)
        gpus.append(Gpu(device.name, memory, (major, minor)))
    # 12040 is 12.4.
    return Driver(int(pynvml.nvmlSystemGetCudaDriverVersion()) // 1000, tuple(gpus))


def cuda_of_torch() -> int | None:
    """The major version; None if torch was built for the CPU alone."""
    spec = find_spec("torch")
    assert spec and spec.origin, "it is locked"
    found = CUDA.search(Path(spec.origin).with_name("version.py").read_text(encoding="utf-8"))
    return None if found is None else int(found[1])


@dataclass(frozen=True, eq=False)
class PlannedRun:
    """A run of a study that somebody is about to start: what it would do, and the machines that it
    would meet."""

    study: Study
    jobs: tuple[Job, ...]
    """The jobs that it would do."""
    profile: Profile
    rules: Collection[str] = ()
    """The names of all rules."""

    @cached_property
    def driver(self) -> Driver | None:
        """The NVIDIA driver of this machine; None if it has none, or if that does not answer."""
        try:
            return read_driver()
        except InputError:
            # `check_gpus` says so.
            return None

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
