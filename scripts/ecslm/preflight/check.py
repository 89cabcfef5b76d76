"""All checks of a run, in the order in which they are shown."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from ecslm.common.errors import InputError, all_of
from ecslm.common.logs import collected_warnings
from ecslm.plan.bases import base_folders, check_base_folders
from ecslm.plan.checks import check_named_files
from ecslm.plan.study import Study
from ecslm.preflight.cluster import check_cluster
from ecslm.preflight.findings import Finding, Report, errors_of, found_by, ok, warning
from ecslm.preflight.hub import check_hub
from ecslm.preflight.machine import check_cache_folder, check_devices, check_latex, check_versions
from ecslm.preflight.needs import check_memory, check_time
from ecslm.preflight.planned_run import PlannedRun
from ecslm.preflight.profiles import check_profile, read_profile
from ecslm.provenance.checks import check_api_keys, check_disk, disks, os_errors_told
from ecslm.provenance.dag import read_dag
from ecslm.provenance.overview import Overview, counts_by_kind
from ecslm.provenance.run import Run

Check = Callable[[PlannedRun], Iterable[Finding]]

# What warnings begin with where they are printed.
PREFIX = "warning: "


def check_study(configfiles: Sequence[Path], study: str | None, profile: str) -> Report:
    """Whether a run of a study would succeed; it writes nothing outside `results`
    and `.snakemake`.

    Args:
        configfiles: files over config.yaml.
        study: None for that which the configuration names.
        profile: name of a folder of `profiles`.
    """
    plan, graph, findings = _read_plan(configfiles, study)
    found = found_by("configuration", findings)
    try:
        chosen = read_profile(profile)
    except InputError as problems:
        found += found_by("profile", errors_of(problems))
    else:
        if plan is not None and graph is not None:
            overview, rules = graph
            run = PlannedRun(plan, tuple(overview.planned), chosen, overview.jobs)
            found += found_by("profile", check_profile(chosen, rules))
            for name, check in CHECKS.items():
                found += found_by(name, _findings(check, run))
    return Report(study if plan is None else plan.name, profile, found)


# What a run would do, and the names of all rules.
Graph = tuple[Overview, frozenset[str]]


def _read_plan(
    configfiles: Sequence[Path], study: str | None
) -> tuple[Study | None, Graph | None, list[Finding]]:
    """The plan, the graph, and what speaks against a run, as its start checks it.

    Where the configuration cannot be read there is no plan, and where parameters of jobs cannot be
    computed, no graph.
    """
    plan: Study | None = None
    graph: Graph | None = None
    found: list[Finding] = []

    def check_results(run: Run, plan: Study) -> None:
        nonlocal graph
        with read_dag(configfiles, study) as dag, os_errors_told():
            graph = Overview.of(plan, dag.jobs), dag.rules
        overview, _ = graph
        all_of(lambda: run.check(overview.jobs), lambda: run.check_data(overview.planned))

    with collected_warnings() as warned:
        try:
            plan = Study.read(configfiles, study)
            check_cache_folder()
            all_of(partial(check_named_files, plan), partial(check_results, Run(plan), plan))
        except InputError as problems:
            found += errors_of(problems)
    found += [warning(text.removeprefix(PREFIX)) for text in warned]
    return plan, graph, found or [ok("fits the files that it names, and the results")]


def _findings(check: Check, run: PlannedRun) -> Iterator[Finding]:
    """The findings of a check, which may also refuse the run as its start would."""
    try:
        yield from check(run)
    except InputError as problems:
        yield from errors_of(problems)


def count_jobs(run: PlannedRun) -> Iterator[Finding]:
    """How many jobs of each kind a run would do."""
    counted = f"{len(run.jobs):,}: {counts_by_kind(run.jobs)}"
    yield ok(counted if run.jobs else "none: all results are up to date", jobs=len(run.jobs))


def check_room(run: PlannedRun) -> Iterator[Finding]:
    """Whether the disks have room for what a run is sure to write.

    Raises:
        InputError: one has not.
    """
    check_disk(run.study, run.jobs)
    for disk in disks(run.study, run.jobs):
        yield ok(disk.summary, needed_bytes=disk.needed, free_bytes=disk.free)


def check_weights(run: PlannedRun) -> Iterator[Finding]:
    """Whether the directory of each base of source `path` is a model directory.

    Raises:
        InputError: one is not.
    """
    check_base_folders(run.study, run.due)
    if found := base_folders(run.study, run.due):
        yield ok(f"here: {', '.join(found.values())}")


def check_keys(run: PlannedRun) -> Iterator[Finding]:
    """Whether the environment has the key of each server that a run asks, and how to reach it.

    Raises:
        InputError: it lacks one.
    """
    models = run.study.settings.models.values()
    if any(model.run and model.reached() for model in models):
        check_api_keys(run.study, run.jobs)
        yield ok("all that are needed are set")


# In the order in which they are shown.
CHECKS: dict[str, Check] = {
    "jobs": count_jobs,
    "time": check_time,
    "GPUs": check_devices,
    "GPU memory": check_memory,
    "cluster": check_cluster,
    "disk": check_room,
    "libraries": check_versions,
    "weights": check_weights,
    "hub": check_hub,
    "API keys": check_keys,
    "LaTeX": check_latex,
}
