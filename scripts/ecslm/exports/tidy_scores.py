"""The scores of a study as tidy rows: `scores.csv` and `scores.parquet`.

The order of columns is that of `COLUMNS`; docs/results.md documents them and users rely on them.
Nothing here is a clock value: costs are counts of tokens and records, so that the files are the
same in every run.
"""

import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from pyarrow import json as pyarrow_json

from ecslm.common.files import read_model
from ecslm.common.manifests import read_result, verify_result
from ecslm.exports.settings import ScoreRowsSettings
from ecslm.models.manifests import AdapterManifest
from ecslm.schemas.metrics_file import MetricsFile, SettingScores
from ecslm.schemas.paths import ADAPTER, PREDICTIONS, metric_path

# The types know missing values.
TEXT, NUMBER, COUNT, TRUTH = "string", "float64", "Int64", "boolean"
COLUMNS = {
    **dict.fromkeys(("study", "model", "kind", "base"), TEXT),
    "seed": COUNT,
    **dict.fromkeys(("task", "setting", "metric", "protocol"), TEXT),
    **dict.fromkeys(("value", "low", "high"), NUMBER),
    "interval_method": TEXT,
    "interval_reliable": TRUTH,
    **dict.fromkeys(("n", "invalid", "truncated", "prompt_tokens", "generated_tokens"), COUNT),
    **dict.fromkeys(("training_records", "training_tokens"), COUNT),
    "mcc": NUMBER,
}
# What is read of a line of predictions. Files of a study have millions of lines.
TOKENS = ["prompt_tokens", "generated_tokens"]
COUNTED = pa.schema({"setting": pa.string(), **dict.fromkeys(TOKENS, pa.int64())})


def score_frame(settings: ScoreRowsSettings, results: Path) -> pd.DataFrame:
    """All scores, in an order that does not depend on the configuration: models by name, then
    trivial baselines.

    Raises:
        InputError: a file is missing, altered since it was made, or invalid.
    """
    return typed({"study": settings.study} | row for row in _all_rows(settings, results))


def typed(rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Rows as a frame of `COLUMNS`; a value that a row lacks is missing."""
    rows = list(rows)
    return pd.DataFrame(
        {name: pd.Series([row.get(name) for row in rows], dtype=of) for name, of in COLUMNS.items()}
    )


def as_csv(frame: pd.DataFrame) -> str:
    """The table as CSV; numbers have all their digits, and missing values are empty."""
    return str(frame.to_csv(index=False, lineterminator="\n"))


def as_parquet(frame: pd.DataFrame) -> bytes:
    """The table as a Parquet file."""
    stream = io.BytesIO()
    frame.to_parquet(stream, engine="pyarrow", index=False)
    return stream.getvalue()


def _all_rows(settings: ScoreRowsSettings, results: Path) -> Iterator[dict[str, Any]]:
    for name, model in sorted(settings.models.items()):
        for seed in model.seeds:
            about: dict[str, Any] = {"model": name, "kind": model.kind, "base": model.base}
            if model.adapter is not None:
                path = results / ADAPTER.format(model=model.adapter, seed=seed)
                adapter = read_model(path, AdapterManifest)
                about["training_records"] = sum(adapter.records.values())
                about["training_tokens"] = sum(adapter.tokens.values())
            for task in sorted(model.tasks):
                tokens = _tokens(results / PREDICTIONS.format(model=name, seed=seed, task=task))
                for row in rows_of(results, name, seed, task):
                    yield about | tokens.get(row["setting"], {}) | row
    for name, tasks in sorted(settings.baselines.items()):
        for task in sorted(tasks):
            for row in rows_of(results, name, 0, task):
                yield {"model": name, "kind": "baseline"} | row


def rows_of(results: Path, name: str, seed: int, task: str) -> Iterator[dict[str, Any]]:
    """The rows of a metrics file, without what only other files tell."""
    file = read_result(results / metric_path(name, seed, task), MetricsFile)
    about = {"seed": seed, "task": file.task, "metric": file.metric}
    for setting, scores in sorted(file.settings.items()):
        counts = {"setting": setting, "n": scores.n, "truncated": scores.n_truncated}
        for protocol, row in _protocols(scores):
            yield about | counts | {"protocol": protocol} | row


def _protocols(scores: SettingScores) -> Iterator[tuple[str, dict[str, Any]]]:
    """What protocols differ in; those that a score lacks, as an expected value does, have none."""
    strict, details = scores.strict, scores.strict.details
    row: dict[str, Any] = {"value": strict.known, "mcc": details.mcc, "invalid": scores.n_invalid}
    if strict.ci95 is not None:
        row |= dict(zip(("low", "high"), strict.ci95, strict=True))
        if (found := details.interval) is not None:
            row |= {"interval_method": found.method, "interval_reliable": found.reliable}
    yield "strict", row
    if (lenient := details.lenient) is not None:
        yield "lenient", {"value": lenient.known, "invalid": lenient.n_invalid}
    older = {"released": scores.released, "released_2024": scores.released_2024}
    for protocol, score in older.items():
        if score is not None:
            yield protocol, {"value": score.known, "invalid": score.dropped}


def _tokens(path: Path) -> dict[str, dict[str, int | None]]:
    """The tokens of all prompts and answers of each setting in a predictions file, None where one
    is unknown."""
    verify_result(path)
    options = pyarrow_json.ParseOptions(explicit_schema=COUNTED, unexpected_field_behavior="ignore")
    # By default a line, such as an answer that repeats itself, has a megabyte at most.
    whole = pyarrow_json.ReadOptions(block_size=path.stat().st_size + 1)
    lines = pyarrow_json.read_json(path, whole, options).to_pandas()
    sums = lines.astype(dict.fromkeys(TOKENS, COUNT)).groupby("setting")[TOKENS].sum(skipna=False)
    return {str(setting): dict(row) for setting, row in sums.iterrows()}
