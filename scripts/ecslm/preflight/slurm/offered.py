"""Checks whether the partitions of a SLURM cluster offer what the jobs of a run ask for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ecslm.preflight.findings import Finding, error, ok, shortened, warning
from ecslm.preflight.planned_run import PlannedRun
from ecslm.preflight.slurm.asked import Asked, Place
from ecslm.preflight.slurm.nodes import Node

HOUR = 60


@dataclass(frozen=True)
class Partition:
    """The target of some jobs: one partition, or several of which SLURM takes one."""

    name: str
    nodes: tuple[Node, ...]
    known: tuple[Node, ...]
    """The nodes of all partitions."""
    jobs: tuple[Asked, ...]
    where: str
    """The key of the profile that names it."""

    @property
    def place(self) -> Place:
        """What its jobs have in common."""
        return self.jobs[0].place

    @property
    def limit(self) -> float | None:
        """Minutes that a job may take; None if any."""
        limits = [node.limit for node in self.nodes]
        return None if None in limits else max(filter(None, limits), default=None)

    def gpus(self, node: Node) -> int:
        """How many GPUs of the wanted type a node has."""
        wanted = self.place.gpu_model
        return node.gpus.get(wanted, 0) if wanted else sum(node.gpus.values())

    @property
    def most_gpus(self) -> int:
        """How many of the wanted type are on one node."""
        return max(map(self.gpus, self.nodes))


def partition_of(
    run: PlannedRun, jobs: tuple[Asked, ...], known: Sequence[Node]
) -> Partition | Finding:
    """The partition that jobs of one place are sent to, or why there is none."""
    names = jobs[0].place.partitions
    where = run.profile.where(jobs[0].rule, "slurm_partition")
    listed = ", ".join(dict.fromkeys(node.partition for node in known))
    for name in names:
        if name not in {node.partition for node in known}:
            return error(f"the cluster has no partition `{name}`", where, f"set one of {listed}")
    nodes = tuple(node for node in known if (node.partition in names if names else node.is_default))
    if not nodes:
        return error("the cluster has no default partition", where, f"set one of {listed}")
    taking = tuple(node for node in nodes if node.is_up)
    name = ",".join(names) or nodes[0].partition
    if not taking:
        return error(f"partition `{name}` takes no jobs now", where, f"set another of {listed}")
    return Partition(name, taking, tuple(known), jobs, where)


def check_offer(run: PlannedRun, partition: Partition) -> Iterator[Finding]:
    """Whether GPUs, memory and time of a partition suffice for its jobs."""
    yield _summary(partition)
    if not any(node.takes_jobs for node in partition.nodes):
        yield warning(
            f"no node of partition `{partition.name}` takes jobs now: all would wait",
            "sinfo",
            "ask the operators when there will be one: `sinfo --list-reasons` says why",
        )
    lacking = tuple(_gpus(run, partition))
    yield from lacking or _memory(partition)
    yield from _time(partition)


def _summary(partition: Partition) -> Finding:
    kinds: dict[str, int] = {}
    for node in partition.nodes:
        for kind, number in node.gpus.items():
            kinds[kind] = max(kinds.get(kind, 0), number)
    gpus = ", ".join(f"{number} x {kind}" for kind, number in sorted(kinds.items()))
    names = {node.name for node in partition.nodes}
    nodes = "1 node" if len(names) == 1 else f"{len(names):,} nodes"
    limit = "no time limit" if partition.limit is None else f"at most {_duration(partition.limit)}"
    return ok(
        f"partition `{partition.name}`: {nodes} with up to {gpus or 'no'} GPUs, {limit}",
        nodes=len(names),
    )


def _gpus(run: PlannedRun, partition: Partition) -> Iterator[Finding]:
    wanting = [job for job in partition.jobs if job.gpus]
    if not wanting:
        return
    most = max(wanting, key=lambda job: job.gpus)
    model, here = partition.place.gpu_model, _kinds(partition.nodes)
    if not here:
        others = dict.fromkeys(node.partition for node in partition.known if node.gpus)
        yield error(
            f"no node of partition `{partition.name}` has GPUs, needed for {_jobs(wanting)}",
            partition.where,
            f"set one of {', '.join(others)}"
            if others
            else "no other has any: ask the operators to name them as `Gres` in slurm.conf",
        )
    elif not partition.most_gpus:
        yield error(
            f"no node of partition `{partition.name}` has GPUs of the type `{model}`",
            run.profile.where(most.rule, "gpu_model"),
            f"set one of {', '.join(here)}",
        )
    elif most.gpus > partition.most_gpus:
        study = run.plan.study.name
        of_training = most.rule == "train_adapter"
        kind = f" of the type `{model}`" if model else ""
        yield error(
            f"each job takes {most.gpus} GPUs, but no node of partition `{partition.name}` has "
            f"more than {partition.most_gpus}{kind}",
            f"studies.{study}.gpus" if of_training else f"{run.profile.file}: resources: gpu",
            f"set it to {partition.most_gpus}",
        )


def _memory(partition: Partition) -> Iterator[Finding]:
    """The memory of nodes with enough GPUs, for each job."""
    lacking: dict[Asked, int] = {}
    for job in partition.jobs:
        fitting = [node for node in partition.nodes if partition.gpus(node) >= job.gpus]
        most = max((node.memory_mb for node in fitting), default=0)
        if job.memory_mb > most:
            lacking[job] = most
    if lacking:
        worst = max(lacking, key=lambda job: job.memory_mb)
        yield error(
            f"nodes of partition `{partition.name}` have {lacking[worst]:,} MB of memory at most, "
            f"but up to {worst.memory_mb:,} are asked for {_jobs(lacking)}",
            partition.where,
            "set another; if less is enough, set "
            f'"{worst.rule}:mem_mb={lacking[worst]}" in `set-resources`',
        )


def _time(partition: Partition) -> Iterator[Finding]:
    limit = partition.limit
    too_long = [job for job in partition.jobs if limit is not None and job.minutes > limit]
    if too_long and limit is not None:
        worst = max(too_long, key=lambda job: job.minutes)
        yield error(
            f"jobs of partition `{partition.name}` may take {_duration(limit)}, but up to "
            f"{_duration(worst.minutes)} are asked for {_jobs(too_long)}",
            partition.where,
            f'set another, or "{worst.rule}:runtime={int(limit)}" in `set-resources`: a training '
            "that is cut off continues from its last checkpoint in the next run",
        )


def _jobs(jobs: Sequence[Asked] | Mapping[Asked, int]) -> str:
    return shortened([job.name for job in jobs])


def _duration(minutes: float) -> str:
    if minutes < 2 * HOUR:
        return f"{minutes:,.0f} minutes"
    return f"{minutes / HOUR:,.1f} hours".replace(".0 ", " ")


def _kinds(nodes: Sequence[Node]) -> list[str]:
    return sorted({kind for node in nodes for kind in node.gpus})
