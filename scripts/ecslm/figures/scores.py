"""The scores that figures show, as one frame: from the tidy rows of all scores."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from ecslm.common.manifests import read_result, verify_result
from ecslm.figures.settings import DrawnTable, FiguresSettings
from ecslm.figures.style import BASELINE, PUBLISHED, looks
from ecslm.schemas.metrics_file import OverSeedsFile, SimpleBaselines
from ecslm.schemas.paths import SCORES_PARQUET, SIMPLE_BASELINES, over_seeds_path
from ecslm.tables.inputs import Published
from ecslm.tables.settings import ModelContext

COLUMNS = (
    *("table", "task", "row", "value", "low", "high", "reliable", "records", "operations"),
    *("trained_on", "simple", "published", "doubled", "family", "tuned", "look", "filled"),
)


def read_scores(results: Path, settings: FiguresSettings, published: Path) -> pd.DataFrame:
    """The scores of all drawn tables, those that are defined, in the order of tasks and rows.

    Columns: `table`, `task`, `row`, `value`; of the study's own `low` and `high` (95 %), `reliable`
    (false if the interval may be too narrow), `records` (of the test), `operations` (for an answer)
    and `trained_on` (training records of all tasks); whether a row `simple` is the best simple
    baseline of its task, and whether it is `published`, with a value that is `doubled`; of a model
    its `family` and whether it is `tuned`; the `look` of its marker, and whether that is `filled`.

    Raises:
        InputError: a file is missing, altered or invalid.
    """
    rows: list[dict[str, Any]] = []
    if settings.tables:
        verify_result(results / SCORES_PARQUET)
        scores = pd.read_parquet(results / SCORES_PARQUET)
        strict = scores[scores["protocol"] == "strict"]
        measured = dict(iter(strict.groupby(["model", "task", "setting"])))
        trained_on = scores.groupby("model")["training_records"].first().dropna()
        printed, known = Published(published), looks(settings.families)
        for table, task, row, simple in _drawn(results, settings):
            model, name = settings.models.get(row), table.published.get(row)
            about = {"table": table.name, "task": task, "row": row, "simple": simple}
            about |= {"published": name is not None, "doubled": False, "filled": True}
            about |= {"look": BASELINE if name is None else PUBLISHED}
            setting = model.setting(table.setting) if model else table.setting
            if name is not None:
                about |= _printed(printed, str(table.published_table), name, task)
            elif (seeds := measured.get((row, task, setting))) is not None:
                about |= _scored(seeds, model, results / over_seeds_path(row, task), setting)
            if model:
                about |= {"family": model.family, "look": known[model.family]}
                about |= {"tuned": model.tuned, "filled": model.tuned}
                about["trained_on"] = trained_on.get(model.records_of or row)
            if not pd.isna(about.get("value")):
                rows.append(about)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _drawn(results: Path, settings: FiguresSettings) -> Iterator[tuple[DrawnTable, str, str, bool]]:
    """Each table, task and row that is drawn, and whether it is the best simple baseline."""
    for table in settings.tables:
        for task in table.tasks:
            best: list[str] = []
            if task in settings.simple:
                path = results / SIMPLE_BASELINES.format(task=task)
                best = [read_result(path, SimpleBaselines).best]
            drawn = {*settings.models, *table.published, *best}
            for row in dict.fromkeys([*(one for one in table.rows if one in drawn), *best]):
                yield table, task, row, row in best


def _printed(published: Published, table: str, row: str, task: str) -> dict[str, Any]:
    """What was published of a row, if it was."""
    if not published.has(table, row):
        return {}
    cell = published.cell(table, row, task)
    doubled = "doubled" in cell.marks
    return {"value": cell.value, "reliable": True, "doubled": doubled, "filled": not doubled}


def _scored(
    seeds: pd.DataFrame, model: ModelContext | None, over_seeds: Path, setting: str
) -> dict[str, Any]:
    """The mean over seeds, with the interval of that mean."""
    first, value = seeds.iloc[0], seeds["value"].mean(skipna=False)
    low, high, reliable = first["low"], first["high"], first["interval_reliable"]
    if len(seeds) > 1 and not pd.isna(value):
        strict = read_result(over_seeds, OverSeedsFile).settings[setting].strict
        low, high = strict.ci95 or (None, None)
        reliable = strict.details.interval.reliable
    tokens = (seeds["prompt_tokens"] + seeds["generated_tokens"]).sum(skipna=False)
    weights = model.multiplied if model else None
    return {
        "value": value,
        "low": low,
        "high": high,
        "reliable": bool(pd.isna(low) or reliable),
        "records": first["n"],
        # One product and one sum for each weight and token (J. Kaplan et al., 2020). Attention to
        # other tokens, and the adapter, add little and are left out.
        "operations": None if weights is None else 2 * weights * tokens / seeds["n"].sum(),
    }
