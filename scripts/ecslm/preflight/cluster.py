"""Checks whether a SLURM cluster can run the jobs that the profile sends to it."""

import os
import shlex
from collections import defaultdict
from collections.abc import Iterator, Sequence

from ecslm.common.errors import InputError
from ecslm.preflight.findings import Finding, error, ok, warning
from ecslm.preflight.planned_run import PlannedRun
from ecslm.preflight.profiles import SLURM
from ecslm.preflight.slurm import Cluster, refusal, try_node
from ecslm.provenance.api_keys import needed_keys
from ecslm.provenance.dag import Job

# Set in a job of SLURM, where `srun` would run within that job.
JOB = "SLURM_JOB_ID"
# Options of `sbatch` and `srun` for what the profile says of where jobs run.
PARTITION = "slurm_partition"
OPTIONS = {
    PARTITION: "partition",
    "slurm_account": "account",
    "qos": "qos",
    "constraint": "constraint",
}
# GPUs, MiB and minutes of a job.
Asked = tuple[int, int, int]


def check_cluster(run: PlannedRun) -> Iterator[Finding]:
    """Whether SLURM answers and would run the jobs, and a node has what they need."""
    if run.profile.executor != SLURM:
        return
    if job := os.environ.get(JOB):
        fix = "start the run on a login node, since it would end with the job"
        yield warning(f"this is within job {job}, from where no node is tried: {fix}", JOB)
        return
    if run.cluster.problem:
        yield error(run.cluster.problem)
        return
    if not run.sent_jobs:
        yield ok("no job of the run is sent to it")
    places: dict[str, None] = {}
    for rule in dict.fromkeys(job.rule for job in run.sent_jobs):
        gpus, memory, minutes = _asked(run, rule)
        wanted = _options(run, rule, gpus, f"--time={minutes}", f"--mem={memory}")
        partition = run.profile.resource(rule, PARTITION)
        if problem := refusal(wanted) or _beyond_limit(run.cluster, partition, minutes):
            yield error(
                f"SLURM would not run a job with {wanted} ({problem}): correct partition, account "
                f"or type of GPU, or request less, for example by `{rule}:runtime=` or "
                f"`{rule}:mem_mb=` in `set-resources`",
                f"{run.profile.file}: resources of {rule}",
            )
        else:
            places[_options(run, rule, min(gpus, 1))] = None
    for place in places:
        yield from _tried(run, place)


def _options(run: PlannedRun, rule: str, gpus: int, *needs: str) -> str:
    """Where the profile sends jobs of a rule, and what they need, in the executor's order: of an
    option that is there twice SLURM takes the last."""
    asked = {option: run.profile.resource(rule, name) for name, option in OPTIONS.items()}
    place = [f"--{option}={value}" for option, value in asked.items() if value]
    model = run.profile.resource(rule, "gpu_model")
    of_gpus = f"--gpus={model}:{gpus}" if model else f"--gpus={gpus}"
    extra = run.profile.resource(rule, "slurm_extra")
    return " ".join(filter(None, (shlex.join((*place, *needs)), extra, of_gpus if gpus else "")))


def _beyond_limit(cluster: Cluster, names: str, minutes: int) -> str:
    """Why none of several partitions, or else the default one, would ever run a job so long."""
    limits = [cluster.limits.get(name) for name in names.split(",")]
    known = [limit for limit in limits if limit is not None]
    if len(known) == len(limits) and minutes > max(known):
        return f"jobs of the partition may take {max(known):.0f} minutes"
    return ""


def _asked(run: PlannedRun, rule: str) -> Asked:
    """The most that a job of a rule asks for: of GPUs, memory and time."""
    alone: list[Asked] = []
    groups: dict[tuple[str, str], list[Asked]] = defaultdict(list)
    for job in run.sent_jobs:
        if job.rule == rule:
            one = _of_job(run, job)
            grouped = rule in run.profile.grouped and one[0]
            (groups[job.key["model"], job.key["seed"]] if grouped else alone).append(one)
    alone += (_together(tasks, run.profile.gpus or 1) for tasks in groups.values())
    gpus, memory, minutes = zip(*alone, strict=True)
    return max(gpus), max(memory), max(minutes)


def _of_job(run: PlannedRun, job: Job) -> Asked:
    """Expressions of the profile are not evaluated: what they ask for is taken for nothing."""
    values = (
        run.profile.resource(job.rule, name, job.resources[name])
        for name in ("gpu", "mem_mb", "runtime")
    )
    gpus, memory, minutes = (int(one) if one.isdecimal() else 0 for one in values)
    return gpus, memory, minutes


def _together(tasks: Sequence[Asked], at_once: int) -> Asked:
    """Tasks of one model and seed as one job, as Snakemake adds them up: so many at once as there
    are GPUs, the longest first."""
    longest = sorted(tasks, key=lambda one: one[2], reverse=True)
    layers = [longest[start : start + at_once] for start in range(0, len(longest), at_once)]
    memory = max(sum(one[1] for one in layer) for layer in layers)
    return len(layers[0]), memory, sum(layer[0][2] for layer in layers)


def _tried(run: PlannedRun, options: str) -> Iterator[Finding]:
    where = f"a node for {options or 'jobs'}"
    # Those that are not set here are reported with the API keys.
    variables = [name for name in needed_keys(run.study, run.due) if os.environ.get(name)]
    try:
        problems = try_node(options, variables, on_gpu=bool(run.gpu_jobs))
    except InputError as problem:
        yield error(
            f"a short job fails there ({problem}): put the project with its .venv, and the Python "
            "that this was made with, into folders that nodes see by the same path",
            where,
        )
        return
    if problems is None:
        yield warning("none was free in time, so that none was checked: run it again later", where)
    elif problems:
        yield from (error(one, where) for one in problems)
    else:
        yield ok(f"{where} sees the shared folder, and its locks")
