"""The run that checks are about: the jobs that it would do, and how."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from ecslm.common.errors import InputError
from ecslm.plan.plan import Plan
from ecslm.plan.rules import ModelRule
from ecslm.preflight.downloads import Download, downloads
from ecslm.preflight.gpus import Driver, read_driver
from ecslm.preflight.hub import Repository, repositories
from ecslm.preflight.profiles import SLURM, Profile
from ecslm.preflight.servers import Question, Reply, ask_all
from ecslm.preflight.slurm.nodes import Node, gpus_of, read_nodes
from ecslm.provenance.dag import Job
from ecslm.provenance.gpus import GpuNeed


@dataclass(frozen=True, eq=False)
class PlannedRun:
    """A run of a study that somebody is about to start."""

    plan: Plan
    jobs: tuple[Job, ...]
    """The jobs that it would do."""
    profile: Profile
    known: tuple[Job, ...] = ()
    """All jobs of the study, the finished ones included."""

    @cached_property
    def due(self) -> frozenset[str]:
        """The files that it is going to write."""
        return frozenset(path for job in self.jobs for path in job.files)

    @cached_property
    def model_jobs(self) -> tuple[Job, ...]:
        """The jobs that load a model."""
        return tuple(job for job in self.jobs if self._loads_a_model(job))

    @cached_property
    def gpu_jobs(self) -> tuple[Job, ...]:
        """The jobs that need a GPU, none where models run on the CPU."""
        return tuple(job for job in self.model_jobs if self._device(job) == "cuda")

    @property
    def gpu_needs(self) -> Iterator[GpuNeed]:
        """What jobs that run a model ask for, as their rules do, on a CPU too."""
        several = {"train_adapter": self.plan.study.settings.gpus}
        for job in self.model_jobs:
            yield GpuNeed(several.get(job.rule, 1), self._device(job))

    @property
    def device_key(self) -> str:
        """The key or the profile that says that models run on a GPU."""
        if any(job.rule in self.profile.devices for job in self.gpu_jobs):
            return f"{self.profile.file}: set-resources"
        return f"studies.{self.plan.study.name}.device"

    @cached_property
    def driver(self) -> Driver | None:
        """The NVIDIA driver of this machine, if it has one.

        Raises:
            InputError: it does not answer, or the environment names a GPU that there is not.
        """
        return read_driver()

    @cached_property
    def cluster(self) -> Mapping[str, int]:
        """How many GPUs of each type the cluster of the profile has.

        Raises:
            InputError: the cluster cannot be asked here.
        """
        return gpus_of(self.nodes) if self.profile.executor == SLURM else {}

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes of the cluster on which SLURM runs jobs, once for each of their partitions.

        Raises:
            InputError: the cluster cannot be asked here.
        """
        if isinstance(self._nodes, InputError):
            raise self._nodes
        return self._nodes

    @cached_property
    def _nodes(self) -> tuple[Node, ...] | InputError:
        # To ask a cluster in vain may take seconds, so it is done once.
        try:
            return read_nodes()
        except InputError as problems:
            return problems

    @cached_property
    def repositories(self) -> tuple[Repository, ...]:
        """The repositories of the hub that it is going to fetch."""
        return tuple(repositories(self.plan, self.jobs))

    @cached_property
    def downloads(self) -> tuple[Download, ...]:
        """What it is going to fetch from elsewhere."""
        return tuple(downloads(self.plan, self.jobs))

    @cached_property
    def replies(self) -> Mapping[Question, Reply]:
        """What servers say of all of these, which are asked once and together."""
        return ask_all((*self.repositories, *self.downloads))

    def _device(self, job: Job) -> str:
        return self.profile.devices.get(job.rule, self.plan.study.settings.device)

    def _loads_a_model(self, job: Job) -> bool:
        """Predictions may also be a server's answers, or exist already."""
        of_model = isinstance(self.plan.rules[job.rule], ModelRule)
        return of_model and (
            job.rule != "predict" or job.key["model"] in self.plan.study.local_models
        )
