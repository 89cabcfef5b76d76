"""The run that checks are about: the jobs that it would do, and the machines that it would meet."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from ecslm.common.errors import InputError
from ecslm.plan.plan import Plan
from ecslm.plan.requests import Requests, requests_of
from ecslm.plan.study import Study
from ecslm.preflight.drivers import Driver, read_driver
from ecslm.preflight.profiles import SLURM, Profile
from ecslm.preflight.slurm import Cluster, read_cluster
from ecslm.provenance.dag import Job
from ecslm.provenance.gpus import GpuNeed

# Rules whose jobs are sent to the nodes of a cluster.
SENT = ("train_adapter", "predict", "measure_latency", "bertscore", "export_model")


@dataclass(frozen=True, eq=False)
class PlannedRun:
    """A run of a study that somebody is about to start."""

    plan: Plan
    jobs: tuple[Job, ...]
    """The jobs that it would do."""
    profile: Profile
    known: tuple[Job, ...] = ()
    """All jobs of the study, the finished ones included."""

    @property
    def study(self) -> Study:
        """The study."""
        return self.plan.study

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
        return tuple(job for job in self.jobs if job.rule in SENT)

    @cached_property
    def model_jobs(self) -> tuple[Job, ...]:
        """The jobs that load a model; predictions may also be a server's, or exist already."""
        local = self.study.local_models
        return tuple(
            job for job in self.sent_jobs if job.rule != "predict" or job.key["model"] in local
        )

    @cached_property
    def gpu_jobs(self) -> tuple[Job, ...]:
        """The jobs that need a GPU, none where models run on the CPU."""
        return tuple(job for job in self.model_jobs if self._device(job) == "cuda")

    @property
    def gpu_needs(self) -> Iterator[GpuNeed]:
        """What jobs that run a model ask for, as their rules do, on a CPU too."""
        return (GpuNeed(self.devices_of(job), self._device(job)) for job in self.model_jobs)

    def devices_of(self, job: Job) -> int:
        """The devices that a job which runs a model computes on."""
        return self.study.settings.gpus if job.rule == "train_adapter" else 1

    @property
    def device_key(self) -> str:
        """The key or the profile that says that models run on a GPU."""
        if any(f"{job.rule}:device" in self.profile.resources for job in self.gpu_jobs):
            return f"{self.profile.file}: set-resources"
        return f"studies.{self.study.name}.device"

    @cached_property
    def driver(self) -> Driver | None:
        """The NVIDIA driver of this machine; None if it has none, or if that does not answer."""
        try:
            return read_driver()
        except InputError:
            # `check_gpus` says so.
            return None

    @cached_property
    def cluster(self) -> Cluster | InputError | None:
        """The cluster of the profile; None if it is none of SLURM, an error if it cannot be asked.

        To ask in vain may take seconds, so that it is done once.
        """
        if self.profile.executor != SLURM:
            return None
        try:
            return read_cluster()
        except InputError as problems:
            return problems

    def _device(self, job: Job) -> str:
        return self.profile.resource(job.rule, "device", self.study.settings.device)
