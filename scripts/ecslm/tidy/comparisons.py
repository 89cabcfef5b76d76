"""All comparisons of a study as tidy rows: `comparisons.parquet`."""

from pathlib import Path

import pandas as pd

from ecslm.common.files import read_model
from ecslm.common.manifests import verify_result
from ecslm.comparisons.results import Comparison
from ecslm.schemas.paths import COMPARISONS, COMPARISONS_MANIFEST
from ecslm.tidy.rows import COUNT, NUMBER, TEXT, TRUTH, Row, TidySettings
from ecslm.tidy.study import StudyContext

COLUMNS = {
    **dict.fromkeys(("study", "task", "contrast", "a", "b"), TEXT),
    "best_simple": TRUTH,
    **dict.fromkeys(("setting", "model"), TEXT),
    "paired": TRUTH,
    **dict.fromkeys(("n", "n_b", "unshared", "seeds_a", "seeds_b"), COUNT),
    **dict.fromkeys(("value_a", "value_b", "agreement", "agreement_by_chance"), NUMBER),
    **dict.fromkeys(("difference", "low", "high"), NUMBER),
    **{"reliable": TRUTH, "deciding": COUNT, "test": TEXT},
    **dict.fromkeys(("p", "p_low", "p_high"), NUMBER),
    "family": COUNT,
    **dict.fromkeys(("p_holm", "p_holm_low", "p_holm_high"), NUMBER),
    "source": TEXT,
}
# Two columns of each pair of numbers.
PAIRS = {
    "seeds": ("seeds_a", "seeds_b"),
    "ci95": ("low", "high"),
    "p_interval": ("p_low", "p_high"),
    "p_holm_interval": ("p_holm_low", "p_holm_high"),
}
# Columns that a comparison has not itself.
OF_ROW = ("study", "task", "source")


def comparison_files(study: StudyContext) -> list[str]:
    """The results that the rows are read from, relative to the study's results directory."""
    return [COMPARISONS.format(task=task) for task in study.compared]


def comparison_frame(settings: TidySettings, results: Path) -> pd.DataFrame:
    """All comparisons, task by task.

    Raises:
        InputError: a file is missing, altered or invalid.
    """
    rows: list[Row] = []
    for task in settings.context.compared:
        source = COMPARISONS.format(task=task)
        verify_result(results / source, results / COMPARISONS_MANIFEST)
        for found in read_model(results / source, list[Comparison]):
            row = found.model_dump()
            for name, columns in PAIRS.items():
                row |= zip(columns, row.pop(name) or (None, None), strict=True)
            rows.append({"study": settings.study, "task": task, "source": source} | row)
    return pd.DataFrame(rows, columns=[*COLUMNS]).astype(COLUMNS)


def as_comparison(row: Row) -> Comparison:
    """The comparison of a row."""
    found = {name: value for name, value in row.items() if name not in OF_ROW}
    for name, columns in PAIRS.items():
        pair = tuple(found.pop(column) for column in columns)
        found[name] = None if None in pair else pair
    return Comparison.model_validate(found)
