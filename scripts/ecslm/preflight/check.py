"""All checks of a run, in the order in which they are shown."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec

from ecslm.common.text import nearest
from ecslm.plan.checks import check_named_files
from ecslm.plan.inputs import check_base_folders
from ecslm.plan.study import Choice
from ecslm.preflight.cluster import check_cluster
from ecslm.preflight.findings import Finding, PlannedRun, error, ok
from ecslm.preflight.hub import check_hub
from ecslm.preflight.machine import check_cache_folder, check_devices
from ecslm.preflight.needs import check_memory, check_time
from ecslm.preflight.profiles import SLURM, read_profile
from ecslm.provenance.checks import check_api_keys, check_disk, size_text
from ecslm.provenance.dag import read_dag
from ecslm.provenance.overview import counts_by_kind
from ecslm.provenance.run import Run
from ecslm.script import problems_of


def check_study(choice: Choice, profile: str) -> tuple[str | None, list[Finding]]:
    """Whether a run of a study would succeed; it writes nothing outside `results`
    and `.snakemake`.

    Args:
        profile: name of a folder of `profiles`.

    Returns:
        the study's name, and what was found.
    """
    found: list[Finding] = []

    @contextmanager
    def checking(check: str) -> Iterator[None]:
        """Count a refusal in this block, as at the start of a run, as what a check finds."""
        try:
            yield
        except Exception as caught:
            if (problems := problems_of(caught)) is None:
                raise
            found.extend(
                Finding(**vars(one) | {"path": str(one.path)}, check=check)
                for one in problems.details
            )

    chosen, graph = None, None
    with checking("configuration"):
        check_cache_folder()
        chosen = choice.read()
        run = Run(chosen)
        with checking("configuration"):
            check_named_files(chosen)
        with read_dag(choice) as dag:
            graph = dag.jobs, dag.rules
        due = [job for job in graph[0] if job.due]
        with checking("configuration"):
            run.check(graph[0])
        run.check_data(due)
    if not found:
        fits = ok("fits the files that it names, and the results")
        found.append(replace(fits, check="configuration"))
    with checking("profile"):
        how = read_profile(profile)
        # Where parameters of jobs cannot be computed, there is no graph.
        if chosen and graph:
            planned = PlannedRun(chosen, tuple(due), how, graph[1])
            for name, check in CHECKS.items():
                with checking(name):
                    found.extend(replace(one, check=name) for one in check(planned))
    return chosen.name if chosen else choice.study, list(dict.fromkeys(found))


def check_profile(run: PlannedRun) -> Iterator[Finding]:
    """Whether the profile's executor is installed, and what it names exists: Snakemake silently
    ignores a misspelt rule, whose jobs would then run on another device or with another limit."""
    profile, executor = run.profile, run.profile.executor
    where, path = "here" if profile.is_local else f"by {executor}", str(profile.file)
    yield ok(f"{path}: jobs run {where}")
    plugin = f"snakemake-executor-plugin-{executor}"
    if not profile.is_local and find_spec(plugin.replace("-", "_")) is None:
        command = "make slurm" if executor == SLURM else f".venv/bin/pip install {plugin}"
        yield error(f"its plugin {plugin} is not installed: run `{command}`", path)
    for key, value in profile.resources.items():
        rule, _, resource = key.partition(":")
        if resource == "device" and value not in ("cpu", "cuda"):
            yield error(f"set-resources: {key}={value}: expected cpu or cuda", path)
        if rule not in run.rules:
            yield error(f"set-resources: no rule `{rule}`{nearest(rule, run.rules)}", path)


def count_jobs(run: PlannedRun) -> Iterator[Finding]:
    """How many jobs of each kind a run would do."""
    counted = f"{len(run.jobs):,}: {counts_by_kind(run.jobs)}"
    yield ok(counted if run.jobs else "none: all results are up to date", jobs=len(run.jobs))


def check_room(run: PlannedRun) -> Iterator[Finding]:
    """Whether the disk has room for what a run is sure to write.

    Raises:
        InputError: it has not.
    """
    needed, free = check_disk(run.study, run.jobs)
    if needed:
        text = f"at least {size_text(needed)} needed, {size_text(free)} free"
        yield ok(text, needed_bytes=needed, free_bytes=free)


def check_weights(run: PlannedRun) -> Iterator[Finding]:
    """Whether the directory of each base of source `path` is a model directory.

    Raises:
        InputError: one is not.
    """
    written = {path for job in run.jobs for path in job.files}
    if found := check_base_folders(run.study, written):
        yield ok(f"here: {', '.join(found)}")


def check_keys(run: PlannedRun) -> Iterator[Finding]:
    """Whether the environment has the key of each server that a run asks, and how to reach it.

    Raises:
        InputError: it lacks one.
    """
    check_api_keys(run.study, run.jobs)
    yield ok("all that are needed are set")


# In the order in which they are shown.
CHECKS: dict[str, Callable[[PlannedRun], Iterable[Finding]]] = {
    "profile": check_profile,
    "jobs": count_jobs,
    "time": check_time,
    "GPUs": check_devices,
    "GPU memory": check_memory,
    "cluster": check_cluster,
    "disk": check_room,
    "weights": check_weights,
    "hub": check_hub,
    "API keys": check_keys,
}
