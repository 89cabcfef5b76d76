"""The scores that figures show, as one frame: from the tidy rows of all scores."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from ecslm.common.manifests import read_result, verify_result
from ecslm.figures.settings import DrawnTable, FiguresSettings
from ecslm.schemas.metrics_file import OverSeedsFile, SimpleBaselines
from ecslm.schemas.paths import (
    SCORES_PARQUET,
    SIMPLE_BASELINES,
    over_seeds_path,
)
from ecslm.tables.inputs import Published


def read_scores(results: Path, settings: FiguresSettings, published: Path) -> pd.DataFrame:
    """The scores of all drawn tables, those that are defined, in the order of tasks and rows.

    Columns: `table`, `task`, `row`, `value`; of the study's own `low` and `high` (95 %), `reliable`
    (false if the interval may be too narrow), `records` (of the test), `operations` (for an answer)
    and `trained_on` (training records of all tasks); whether a row `simple` is the best simple
    baseline of its task, and whether it is `published`, with a value that is `doubled`.

    Raises:
        InputError: a file is missing, altered or invalid.
    """
    rows: list[dict[str, Any]] = []
    if settings.tables:
        verify_result(results / SCORES_PARQUET)
        scores = pd.read_parquet(results / SCORES_PARQUET)
        rows = list(_Reader(results, settings, scores, Published(published)).rows())
    columns = ("table", "task", "row", "value", "low", "high", "reliable", "records", "operations")
    return pd.DataFrame(rows, columns=[*columns, "trained_on", "simple", "published", "doubled"])


class _Reader:
    def __init__(
        self, results: Path, settings: FiguresSettings, scores: pd.DataFrame, published: Published
    ) -> None:
        self._results = results
        self._settings = settings
        self._published = published
        strict = scores[scores["protocol"] == "strict"]
        self._own = dict(iter(strict.groupby(["model", "task", "setting"])))
        self._trained_on = scores.groupby("model")["training_records"].first().dropna()

    def rows(self) -> Iterator[dict[str, Any]]:
        for table in self._settings.tables:
            for task in table.tasks:
                best = None
                if task in self._settings.simple:
                    path = self._results / SIMPLE_BASELINES.format(task=task)
                    best = read_result(path, SimpleBaselines).best
                drawn = {*self._settings.models, *table.published, best}
                shown = [row for row in table.rows if row in drawn]
                for row in dict.fromkeys([*shown, *filter(None, [best])]):
                    published = row in table.published
                    found = (self._printed if published else self._scored)(table, task, row)
                    if found is not None:
                        about = {"simple": row == best, "published": published, "doubled": False}
                        yield {"table": table.name, "task": task, "row": row} | about | found

    def _printed(self, table: DrawnTable, task: str, row: str) -> dict[str, Any] | None:
        where, printed = str(table.published_table), table.published[row]
        if not self._published.has(where, printed):
            return None
        cell = self._published.cell(where, printed, task)
        if cell.value is None:
            return None
        return {"value": cell.value, "reliable": True, "doubled": "doubled" in cell.marks}

    def _scored(self, table: DrawnTable, task: str, row: str) -> dict[str, Any] | None:
        """The mean over seeds, with the interval of that mean."""
        model = self._settings.models.get(row)
        setting = model.setting(table.setting) if model else table.setting
        seeds = self._own.get((row, task, setting))
        if seeds is None or seeds["value"].isna().any():
            return None
        first = seeds.iloc[0]
        low, high, reliable = first["low"], first["high"], first["interval_reliable"]
        if len(seeds) > 1:
            path = self._results / over_seeds_path(row, task)
            strict = read_result(path, OverSeedsFile).settings[setting].strict
            low, high = strict.ci95 or (None, None)
            reliable = strict.details.interval.reliable
        tokens = (seeds["prompt_tokens"] + seeds["generated_tokens"]).sum(skipna=False)
        weights = model.multiplied if model else None
        adapter = model.records_of if model and model.records_of else row
        return {
            "value": seeds["value"].mean(),
            "low": low,
            "high": high,
            "reliable": bool(pd.isna(low) or reliable),
            "records": first["n"],
            # One product and one sum for each weight and token (J. Kaplan et al., 2020). Attention
            # to other tokens, and the adapter, add little and are left out.
            "operations": None if weights is None else 2 * weights * tokens / seeds["n"].sum(),
            "trained_on": self._trained_on.get(adapter),
        }
