"""The best simple baseline of a task, trivial or learned: by what name models are judged, and by
which files.

It was chosen without test records (`results/{study}/simple_baselines/{task}.json`); its score is
that of its row on test records.
"""

from collections.abc import Iterable
from pathlib import Path

from ecslm.common.manifests import read_result
from ecslm.schemas.paths import SIMPLE_BASELINES, metric_path
from ecslm.schemas.simple_baselines import SimpleBaselines


def simple_files(task: str, names: Iterable[str]) -> list[str]:
    """The choice, and the scores of all that may be chosen, relative to the results directory."""
    return [SIMPLE_BASELINES.format(task=task), *(metric_path(name, 0, task) for name in names)]


def best_simple(results: Path, task: str) -> str:
    """The row of the best simple baseline of a task; its only seed is 0.

    Raises:
        InputError: the choice is missing or was altered.
    """
    return read_result(results / SIMPLE_BASELINES.format(task=task), SimpleBaselines).best
