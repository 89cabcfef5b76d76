"""Checks of the data source before anything runs."""

from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.data.checking import cached_report
from ecslm.data.settings import PathData
from ecslm.data.sources.labels import read_labels
from ecslm.plan.keys import StudyKey
from ecslm.plan.plan import Plan
from ecslm.provenance.history import History
from ecslm.schemas.paths import CACHE


def check_source(plan: Plan) -> None:
    """Refuse to rebuild dataset files and the check of their source without the source's files.

    Snakemake deletes a result before it rebuilds it, so existing ones would be lost.

    Raises:
        InputError: a file of the data source is missing, and one of these must be rebuilt.
    """
    missing = plan.source.missing_files()
    if not missing:
        return
    history = History(plan.study.name, plan.jobs)
    for job in history.jobs:
        if job.rule in ("dataset", "check_data") and (reasons := history.reasons(job)):
            raise InputError(
                *(
                    f"{path}: no such file, but {job.results[0]} must be rebuilt: {reasons[0]}: "
                    "restore it, or fix `data` of the study"
                    for path in missing
                )
            )


def check_local_data(plan: Plan) -> None:
    """Check every row of local data before anything runs, unless the report on them is current.

    So all problems of a broken file are reported at once. The job that writes the report takes it
    from the cache.

    Raises:
        InputError: rows cannot be used, and their problems are not tolerated.
    """
    data = plan.source.data
    if not isinstance(data, PathData) or plan.source.missing_files():
        return
    if data.labels is not None and not Path(data.labels.path).exists():
        # The job fetches them; a dry run must not.
        return
    rule = plan.data_check
    history = History(plan.study.name, plan.jobs)
    if not history.reasons(rule.job(StudyKey())):
        return
    settings, code = rule.settings(StudyKey()), str(rule.code_parameter(StudyKey()))
    labels = read_labels(data.labels).rows if settings.ranked and data.labels else None
    cached_report(CACHE, plan.source.rows, settings, labels, code)
