"""Checks whether a SLURM cluster can run the jobs that the profile sends to it."""

import os
import shlex
from collections import defaultdict
from collections.abc import Iterator, Sequence

from ecslm.common.errors import InputError
from ecslm.preflight.findings import Finding, error, errors_of, ok, warning
from ecslm.preflight.planned_run import PlannedRun
from ecslm.preflight.slurm import (
    JOB,
    Cluster,
    NoNodeError,
    missing_commands,
    refusal,
    try_node,
)
from ecslm.provenance.api_keys import needed_keys
from ecslm.provenance.dag import Job

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
    if JOB in os.environ:
        fix = "start the run on a login node, since it would end with the job"
        yield warning(
            f"this is within job {os.environ[JOB]}, from where no node is tried: {fix}", JOB
        )
        return
    if missing := missing_commands():
        yield error(
            "not here: start the run on a login node of the cluster, or add SLURM's commands to "
            "PATH",
            ", ".join(missing),
        )
        return
    if isinstance(run.cluster, InputError):
        yield from errors_of(run.cluster)
        return
    assert run.cluster is not None, "the profile sends jobs to SLURM"
    if not run.sent_jobs:
        yield ok("no job of the run is sent to it")
    accepted: dict[tuple[str, ...], None] = {}
    for rule in dict.fromkeys(job.rule for job in run.sent_jobs):
        where = f"{run.profile.file}: resources of {rule}"
        try:
            place, extra = _place(run, rule), shlex.split(run.profile.resource(rule, "slurm_extra"))
            gpus, memory, minutes = _asked(run, rule)
            # In the executor's order: of an option that is there twice SLURM takes the last.
            needs = (f"--time={minutes}", f"--mem={memory}", *extra, *_gpus(run, rule, gpus))
            options = (*place, *needs)
            partition = run.profile.resource(rule, PARTITION)
            problem = refusal(options) or _refused(run.cluster, partition, minutes)
        except InputError as problems:
            yield from errors_of(problems)
        except ValueError as wrong:
            yield error(f"slurm_extra: not words of a shell ({wrong}): correct it", where)
        else:
            if not problem:
                accepted[(*place, *extra, *_gpus(run, rule, min(gpus, 1)))] = None
                continue
            yield error(
                f"SLURM would not run a job with {shlex.join(options)} ({problem}): correct "
                "partition, account or type of GPU, or request less, for example by "
                f"`{rule}:runtime=` or `{rule}:mem_mb=` in `set-resources`",
                where,
            )
    for options_ in accepted:
        yield from _tried(run, options_)


def _place(run: PlannedRun, rule: str) -> tuple[str, ...]:
    """Where the profile sends jobs of a rule."""
    asked = {option: run.profile.resource(rule, name) for name, option in OPTIONS.items()}
    return tuple(f"--{option}={value}" for option, value in asked.items() if value)


def _gpus(run: PlannedRun, rule: str, count: int) -> list[str]:
    model = run.profile.resource(rule, "gpu_model")
    return [f"--gpus={model}:{count}" if model else f"--gpus={count}"] if count else []


def _refused(cluster: Cluster, names: str, minutes: int) -> str:
    """Why no partition of those that are named, or else the default one, would run a job."""
    chosen = [
        one
        for name, one in cluster.partitions.items()
        if (name in names.split(",") if names else one.is_default)
    ]
    if not any(one.is_up for one in chosen):
        return "the partition takes no jobs now"
    limits = [one.limit for one in chosen if one.limit is not None]
    if len(limits) == len(chosen) and minutes > max(limits):
        return f"jobs of the partition may take {max(limits):.0f} minutes"
    return ""


def _asked(run: PlannedRun, rule: str) -> Asked:
    """The most that a job of a rule asks for: of GPUs, memory and time."""
    alone: list[Asked] = []
    groups: dict[str, list[Asked]] = defaultdict(list)
    for job in run.sent_jobs:
        if job.rule == rule:
            one = _of_job(run, job)
            grouped = rule in run.profile.grouped and one[0]
            (groups[f"{job.key['model']} {job.key['seed']}"] if grouped else alone).append(one)
    alone += (_together(tasks, run.profile.gpus or 1) for tasks in groups.values())
    gpus, memory, minutes = zip(*alone, strict=True)
    return max(gpus), max(memory), max(minutes)


def _of_job(run: PlannedRun, job: Job) -> Asked:
    """Expressions of the profile are not evaluated: what they ask for is taken for nothing."""
    requested = run.requests.request(job.rule, job.key)
    on_gpu = job in run.model_jobs
    values = (
        run.profile.resource(job.rule, "gpu", run.devices_of(job) if on_gpu else 0),
        run.profile.resource(job.rule, "mem_mb", requested.memory_mb),
        run.profile.resource(job.rule, "runtime", requested.minutes),
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


def _tried(run: PlannedRun, options: tuple[str, ...]) -> Iterator[Finding]:
    where = f"a node for {shlex.join(options) or 'jobs'}"
    # Those that are not set here are reported with the API keys.
    variables = [name for name in needed_keys(run.plan, run.due) if os.environ.get(name)]
    try:
        problems = try_node(options, variables, on_gpu=bool(run.gpu_jobs))
    except NoNodeError:
        yield warning("none was free in time, so that none was checked: run it again later", where)
    except InputError as problem:
        yield error(
            f"a short job fails there ({problem}): put the project with its .venv, and the Python "
            "that this was made with, into folders that nodes see by the same path",
            where,
        )
    except OSError as problem:
        yield error(f"no locks here ({problem.strerror})", "results")
    else:
        yield from (error(one, where) for one in problems)
        if not problems:
            yield ok(f"{where} sees the shared folder, and its locks")
