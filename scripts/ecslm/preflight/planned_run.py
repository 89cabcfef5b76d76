"""The run that checks are about: the jobs that it would do, and the machines that it would meet."""

from dataclasses import dataclass
from functools import cached_property

from ecslm.common.errors import InputError
from ecslm.plan.requests import Requests, requests_of
from ecslm.plan.study import Study
from ecslm.preflight.drivers import Driver, read_driver
from ecslm.preflight.profiles import Profile
from ecslm.provenance.dag import Job


@dataclass(frozen=True, eq=False)
class PlannedRun:
    """A run of a study that somebody is about to start."""

    study: Study
    jobs: tuple[Job, ...]
    """The jobs that it would do."""
    profile: Profile
    known: tuple[Job, ...] = ()
    """All jobs of the study, the finished ones included."""

    @property
    def requests(self) -> Requests:
        """What jobs are estimated to need."""
        return requests_of(self.study)

    @cached_property
    def due(self) -> frozenset[str]:
        """The files that it is going to write."""
        return frozenset(path for job in self.jobs for path in job.files)

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

    @cached_property
    def driver(self) -> Driver | None:
        """The NVIDIA driver of this machine; None if it has none, or if that does not answer."""
        try:
            return read_driver()
        except InputError:
            # `check_gpus` says so.
            return None
