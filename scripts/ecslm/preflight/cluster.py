"""Checks whether a SLURM cluster can run the jobs that the profile sends to it."""

import os
import shlex
from collections.abc import Iterator, Sequence

from ecslm.common.errors import InputError
from ecslm.preflight.findings import Finding, error, errors_of, ok, shortened, warning
from ecslm.preflight.planned_run import PlannedRun
from ecslm.preflight.slurm.accounts import check_accounts
from ecslm.preflight.slurm.asked import Asked, Place, asked
from ecslm.preflight.slurm.commands import missing_commands
from ecslm.preflight.slurm.offered import Partition, check_offer, partition_of
from ecslm.preflight.slurm.told import tell
from ecslm.preflight.slurm.trial import JOB, try_node
from ecslm.provenance.api_keys import needed_keys


def check_cluster(run: PlannedRun) -> Iterator[Finding]:
    """Whether SLURM answers, its partitions suffice, and a node has what jobs need."""
    if JOB in os.environ:
        yield warning(
            f"this is within job {os.environ[JOB]}, and would end with it",
            JOB,
            "start the run on a login node",
        )
    if missing := missing_commands():
        yield error(
            "not here",
            shortened(missing),
            "start the run on a login node of the cluster, or add SLURM's commands to PATH",
        )
        return
    try:
        known = run.nodes
    except InputError as problems:
        yield from errors_of(problems)
        return
    jobs = asked(run)
    if not jobs:
        yield ok("no job of the run is sent to it")
        return
    accounts = [*check_accounts(run, jobs)]
    yield from accounts
    may_try = not any(finding.severity == "error" for finding in accounts)
    for of_place in _by_place(jobs):
        partition = partition_of(run, of_place, known)
        if isinstance(partition, Finding):
            yield partition
            continue
        findings = [*check_offer(run, partition)]
        yield from findings
        if may_try and all(finding.severity == "ok" for finding in findings):
            yield from _tried(run, partition)


def _by_place(jobs: Sequence[Asked]) -> Iterator[tuple[Asked, ...]]:
    found: dict[Place, list[Asked]] = {}
    for job in jobs:
        found.setdefault(job.place, []).append(job)
    yield from map(tuple, found.values())


def _tried(run: PlannedRun, partition: Partition) -> Iterator[Finding]:
    try:
        shlex.split(partition.place.slurm_extra)
    except ValueError as problem:
        where = run.profile.where(partition.jobs[0].rule, "slurm_extra")
        yield error(f"not words of a shell ({problem})", where, "correct its quotation marks")
        return
    gpus = max(job.gpus for job in partition.jobs)
    # Those that are not set here are reported with the API keys.
    variables = [name for name in needed_keys(run.plan, run.due) if os.environ.get(name)]
    trial = try_node(partition.place, gpus, variables, asks_driver=bool(run.gpu_jobs))
    yield from tell(run, partition.name, trial, gpus)
