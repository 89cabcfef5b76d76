"""All checks of a run, in the order in which they are shown."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.preflight.access import check_access
from ecslm.preflight.cluster import check_cluster
from ecslm.preflight.configuration import read_plan
from ecslm.preflight.devices import check_devices
from ecslm.preflight.disk import check_room
from ecslm.preflight.fetching import check_downloads
from ecslm.preflight.findings import Finding, Report, Section, errors_of
from ecslm.preflight.gpu_memory import check_memory
from ecslm.preflight.keys import check_keys
from ecslm.preflight.latex import check_latex
from ecslm.preflight.planned_run import PlannedRun
from ecslm.preflight.profiles import (
    SLURM,
    Profile,
    check_plugin,
    check_rules,
    read_profile,
)
from ecslm.preflight.revisions import check_revisions
from ecslm.preflight.time_needed import estimate_time
from ecslm.preflight.versions import check_driver, check_versions
from ecslm.preflight.weights import check_folders
from ecslm.preflight.work import count_jobs

Check = Callable[[PlannedRun], Iterable[Finding]]
Checks = tuple[tuple[str, Check], ...]

OF_WORK: Checks = (("jobs", count_jobs),)
CHECKS: Checks = (
    ("disk", check_room),
    ("libraries", check_versions),
    ("weights", check_folders),
    ("hub", check_access),
    ("revisions", check_revisions),
    ("downloads", check_downloads),
    ("API keys", check_keys),
    ("LaTeX", check_latex),
)
# Those that depend on the machines that the profile names.
OF_PROFILE: Checks = (
    ("time", estimate_time),
    ("GPUs", check_devices),
    ("GPU memory", check_memory),
    ("driver", check_driver),
)
# More of them, by the executor that sends jobs to other machines.
OF_EXECUTORS: Mapping[str, Checks] = {SLURM: (("cluster", check_cluster),)}


def check_study(configfiles: Sequence[Path], study: str | None, profile: str) -> Report:
    """Whether a run of a study would succeed; it writes nothing outside `results`
    and `.snakemake`.

    Args:
        configfiles: files over config.yaml.
        study: None for that which the configuration names.
        profile: name of a folder of `profiles`.
    """
    chosen, of_profile = _profile(profile)
    plan, overview, of_plan = read_plan(configfiles, study)
    if chosen is not None and plan is not None:
        of_profile += tuple(check_rules(chosen, plan.rules))
    sections = [Section("configuration", of_plan), Section("profile", of_profile)]
    if plan is not None and overview is not None:
        run = PlannedRun(plan, tuple(overview.planned), chosen or Profile(profile), overview.jobs)
        # Of which machines a profile speaks that is not there, nobody knows.
        of_machines = () if chosen is None else _of_machines(chosen)
        sections += _sections(run, (*OF_WORK, *of_machines, *CHECKS))
    name = study if plan is None else plan.study.name
    return Report(name, profile, tuple(sections))


def _of_machines(profile: Profile) -> Checks:
    return (*OF_PROFILE, *OF_EXECUTORS.get(profile.executor, ()))


def _sections(run: PlannedRun, checks: Checks) -> Iterator[Section]:
    """The findings of all checks that concern the run."""
    for name, check in checks:
        if findings := tuple(check(run)):
            yield Section(name, findings)


def _profile(name: str) -> tuple[Profile | None, tuple[Finding, ...]]:
    try:
        profile = read_profile(name)
    except InputError as problems:
        return None, tuple(errors_of(problems))
    return profile, tuple(check_plugin(profile))
