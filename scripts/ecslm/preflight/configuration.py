"""The plan of a study, with what is wrong with it."""

from collections.abc import Callable, Sequence
from pathlib import Path

from ecslm.common.errors import InputError, all_of
from ecslm.common.logs import collected_warnings
from ecslm.plan.plan import Plan
from ecslm.preflight.findings import Finding, errors_of, ok, warning
from ecslm.provenance.dag import read_dag
from ecslm.provenance.overview import Overview
from ecslm.provenance.results_folder import os_errors_told
from ecslm.provenance.run import Run

# What warnings begin with where they are printed.
PREFIX = "warning: "


def read_plan(
    configfiles: Sequence[Path], study: str | None
) -> tuple[Plan | None, Overview | None, tuple[Finding, ...]]:
    """The plan, what a run would do, and what speaks against it, as a run checks it first.

    Where the configuration cannot be read there is no plan, and where parameters of jobs cannot be
    computed, no overview.
    """
    plan: Plan | None = None
    overview: Overview | None = None
    findings: list[Finding] = []
    with collected_warnings() as warned:
        try:
            plan = Plan.read(configfiles, study)
            run = Run(plan)
            with read_dag(configfiles, study) as dag, os_errors_told():
                overview = Overview.of(plan, dag.jobs)
            made = [job for job in overview.jobs if Path(job.manifest).exists()]
            due = frozenset(path for job in overview.planned for path in job.files)
            all_of(plan.check, lambda: run.check(made), lambda: run.check_data(due))
        except InputError as problems:
            findings += errors_of(problems)
            if plan is not None and overview is None:
                # What the graph lacks may be told better.
                findings[:0] = _problems(plan.check)
    found = (*dict.fromkeys(findings), *(warning(text.removeprefix(PREFIX)) for text in warned))
    return plan, overview, found or (ok("fits the files that it names, and the results"),)


def _problems(check: Callable[[], None]) -> list[Finding]:
    try:
        check()
    except InputError as problems:
        return list(errors_of(problems))
    return []
