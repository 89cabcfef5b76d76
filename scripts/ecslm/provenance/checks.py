"""Checks of the data source before anything runs."""

from collections.abc import Container
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.data.checking import cached_report
from ecslm.data.settings import PathData
from ecslm.data.sources.labels import read_labels
from ecslm.plan.keys import StudyKey
from ecslm.plan.plan import Plan
from ecslm.schemas.paths import CACHE


def check_source(plan: Plan, due: Container[str]) -> None:
    """Refuse to rebuild dataset files and the check of their source without the source's files.

    Snakemake deletes a result before it rebuilds it, so existing ones would be lost.

    Args:
        due: files that the run is going to write.

    Raises:
        InputError: a file of the data source is missing, and one of these must be rebuilt.
    """
    missing = plan.source.missing_files()
    rebuilt = [path for path in plan.targets("check_data", "dataset") if path in due]
    if missing and rebuilt:
        raise InputError(
            *(
                f"{path}: no such file, but {rebuilt[0]} must be rebuilt (`make why "
                f"STUDY={plan.study.name}` says why): restore it, or fix `data` of the study"
                for path in missing
            )
        )


def check_local_data(plan: Plan, due: Container[str]) -> None:
    """Check every row of local data before anything runs, unless the report on them is current.

    So all problems of a broken file are reported at once, and no result is deleted. The job that
    writes the report takes it from the cache.

    Args:
        due: files that the run is going to write.

    Raises:
        InputError: rows cannot be used, and their problems are not tolerated.
    """
    data = plan.source.data
    if not isinstance(data, PathData) or plan.source.missing_files():
        return
    if data.labels is not None and not Path(data.labels.path).exists():
        # The job fetches them; a dry run must not.
        return
    if not any(path in due for path in plan.targets("check_data")):
        return
    rule = plan.data_check
    settings, code = rule.settings(StudyKey()), str(rule.code_parameter(StudyKey()))
    labels = read_labels(data.labels).rows if settings.ranked and data.labels else None
    cached_report(CACHE, plan.source.rows, settings, labels, code)
