"""Reports on the overlap of test records with training, of the tasks that have both."""

from collections.abc import Iterable
from pathlib import Path

from ecslm.common.manifests import read_result
from ecslm.data.card.reports import Leakage
from ecslm.schemas.paths import leakage_path
from ecslm.tables.settings import TableContext


def leakage_files(context: TableContext, tasks: Iterable[str]) -> list[str]:
    """The reports of tasks, relative to the study's results directory."""
    return [leakage_path(task) for task in _compared(context, tasks)]


def read_leakage(results: Path, context: TableContext, tasks: Iterable[str]) -> dict[str, Leakage]:
    """The reports by task.

    Raises:
        InputError: a report is missing, was modified since it was built, or has another form.
    """
    return {
        task: read_result(results / leakage_path(task), Leakage)
        for task in _compared(context, tasks)
    }


def _compared(context: TableContext, tasks: Iterable[str]) -> list[str]:
    return [task for task in tasks if context.tasks[task].test and context.tasks[task].train]
