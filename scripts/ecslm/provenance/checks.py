"""Checks of the data source before anything runs."""

from collections.abc import Iterable
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.data.checking import CheckSettings, stored_report
from ecslm.data.settings import PathData
from ecslm.data.sources.path import labels, open_rows
from ecslm.plan.jobs import Job
from ecslm.plan.study import CACHE, Plan
from ecslm.provenance.history import Provenance


def check_source(plan: Plan, jobs: Iterable[Job]) -> None:
    """Refuse to make dataset files and the check of their source from files that are not here.

    Snakemake deletes a result before it makes it anew: those that are here would be lost.

    Raises:
        InputError: a file of the data source is missing, and one of these has to be made anew.
    """
    missing = plan.missing_source_files()
    if not missing:
        return
    history = Provenance(plan.config.study, jobs)
    for job in history.jobs:
        if job.rule in ("dataset", "check_data") and (reasons := history.reasons(job)):
            raise InputError(
                *(
                    f"{path}: no such file, but {job.results[0]} must be made anew: {reasons[0]}: "
                    "bring it back, or mend `data` of the study"
                    for path in missing
                )
            )


def check_local_data(plan: Plan, jobs: Iterable[Job]) -> None:
    """Check every row of local data before anything runs, unless the report on them is here.

    So a broken file is told of whole, in one go. The job that writes the report takes it from here.

    Raises:
        InputError: rows cannot be used, and it is not tolerated.
    """
    data = plan.study.data
    if not isinstance(data, PathData) or plan.missing_source_files():
        return
    if data.labels is not None and not Path(data.labels.path).exists():
        # The job fetches them; a dry run must not.
        return
    history = Provenance(plan.config.study, jobs)
    if not history.reasons(history.job_of(Path(plan.data_check()))):
        return
    settings = CheckSettings.model_validate_json(plan.check_settings())
    stored_report(
        CACHE,
        open_rows(data, CACHE),
        settings,
        labels(data) if settings.ranked else None,
        plan.check_code(),
    )
