"""Collecting the scores of a study as tidy rows, from the metrics files that tables are built from.

Nothing here is a clock value: costs are counts of tokens and records, so that the files are the
same in every run.
"""

import io
import types
import typing
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from pyarrow import json as pyarrow_json

from ecslm.common.manifests import read_result, verify_result
from ecslm.common.validation import read_model
from ecslm.exports.score_rows import ScoredModel, ScoreRow, ScoreRowsSettings
from ecslm.models.adapters import AdapterManifest
from ecslm.schemas.metrics_file import MetricsFile, SettingScores
from ecslm.schemas.paths import ADAPTER, PREDICTIONS, metric_path

# What is read of a line of predictions. Files of a study have millions of lines.
COUNTED = pa.schema(
    [("setting", pa.string()), ("prompt_tokens", pa.int64()), ("generated_tokens", pa.int64())]
)
# Rows of pandas by the types of fields. All but floats have a value for what is missing.
COLUMN_TYPES = {str: "string", float: "float64", int: "Int64", bool: "boolean"}


@dataclass(frozen=True)
class Tokens:
    """The tokens of all prompts and answers of a setting, None where nobody knows."""

    prompts: int | None = None
    answers: int | None = None


def score_rows(settings: ScoreRowsSettings, results: Path) -> Iterator[ScoreRow]:
    """The rows in an order that does not depend on the configuration: models by name, then trivial
    baselines.

    Raises:
        InputError: a file is missing, altered since it was made, or invalid.
    """
    for name, model in sorted(settings.models.items()):
        for seed in model.seeds:
            training = _training(results, model, seed)
            for task in sorted(model.tasks):
                tokens = _tokens(results / PREDICTIONS.format(model=name, seed=seed, task=task))
                of_model = {"model": name, "kind": model.kind, "base": model.base, **training}
                file = read_result(results / metric_path(name, seed, task), MetricsFile)
                yield from _rows(settings.study, file, seed, of_model, tokens)
    untrained = {"base": None, "training_records": None, "training_tokens": None}
    for name, tasks in sorted(settings.baselines.items()):
        for task in sorted(tasks):
            file = read_result(results / metric_path(name, 0, task), MetricsFile)
            of_baseline = {"model": name, "kind": "baseline", **untrained}
            yield from _rows(settings.study, file, 0, of_baseline, {})


def score_frame(rows: Iterable[ScoreRow]) -> pd.DataFrame:
    """The rows as a table with a column for each field, of a type that knows missing values."""
    dumped = [row.model_dump() for row in rows]
    columns = {
        name: pd.Series([row[name] for row in dumped], dtype=kind)
        for name, kind in column_types().items()
    }
    return pd.DataFrame(columns)


@cache
def column_types() -> dict[str, str]:
    """The type of each column, as pandas calls it."""
    hints = typing.get_type_hints(ScoreRow)
    return {name: COLUMN_TYPES[_plain_type(hints[name])] for name in ScoreRow.model_fields}


def as_csv(frame: pd.DataFrame) -> str:
    """The table as CSV; numbers have all their digits, and missing values are empty."""
    return str(frame.to_csv(index=False, lineterminator="\n"))


def as_parquet(frame: pd.DataFrame) -> bytes:
    """The table as a Parquet file."""
    stream = io.BytesIO()
    frame.to_parquet(stream, engine="pyarrow", index=False)
    return stream.getvalue()


def _rows(
    study: str, file: MetricsFile, seed: int, of_model: dict[str, Any], tokens: dict[str, Tokens]
) -> Iterator[ScoreRow]:
    for setting, scores in sorted(file.settings.items()):
        spent = tokens.get(setting, Tokens())
        for fields in _protocols(scores):
            yield ScoreRow(
                study=study,
                seed=seed,
                task=file.task,
                setting=setting,
                metric=file.metric,
                n=scores.n,
                truncated=scores.n_truncated,
                prompt_tokens=spent.prompts,
                generated_tokens=spent.answers,
                **of_model,
                **fields,
            )


def _protocols(scores: SettingScores) -> Iterator[dict[str, Any]]:
    """What protocols differ in; those that a score lacks, as an expected value does, have none."""
    strict = scores.strict
    low, high = strict.ci95 or (None, None)
    found = strict.details.interval if strict.ci95 else None
    interval = {
        "low": low,
        "high": high,
        "interval_method": found.method if found else None,
        "interval_reliable": found.reliable if found else None,
        "mcc": strict.details.mcc,
    }
    none = dict.fromkeys(interval)
    yield {"protocol": "strict", "value": strict.known, "invalid": scores.n_invalid, **interval}
    if (lenient := strict.details.lenient) is not None:
        yield {
            "protocol": "lenient",
            "value": lenient.known,
            "invalid": lenient.n_invalid,
            **none,
        }
    for protocol in ("released", "released_2024"):
        score = getattr(scores, protocol)
        if score is not None:
            yield {"protocol": protocol, "value": score.known, "invalid": score.dropped, **none}


def _training(results: Path, model: ScoredModel, seed: int) -> dict[str, int | None]:
    if model.adapter is None:
        return {"training_records": None, "training_tokens": None}
    path = results / ADAPTER.format(model=model.adapter, seed=seed)
    adapter = read_model(path, AdapterManifest)
    return {
        "training_records": sum(adapter.records.values()),
        "training_tokens": sum(adapter.tokens.values()),
    }


def _tokens(path: Path) -> dict[str, Tokens]:
    """The tokens of each setting in a predictions file."""
    verify_result(path)
    options = pyarrow_json.ParseOptions(explicit_schema=COUNTED, unexpected_field_behavior="ignore")
    # By default a line, such as an answer that repeats itself, has a megabyte at most.
    whole = pyarrow_json.ReadOptions(block_size=path.stat().st_size + 1)
    table = pyarrow_json.read_json(path, whole, options)
    counts: dict[str, dict[str, int | None]] = {}
    for row in table.to_pylist():
        sums = counts.setdefault(row["setting"], {"prompt_tokens": 0, "generated_tokens": 0})
        for name, known in sums.items():
            count = row[name]
            sums[name] = None if known is None or count is None else known + count
    return {
        setting: Tokens(sums["prompt_tokens"], sums["generated_tokens"])
        for setting, sums in counts.items()
    }


def _plain_type(hint: Any) -> type:
    """The type of a field's values that are not missing."""
    if isinstance(hint, type):
        return hint
    members: Sequence[Any] = typing.get_args(hint)
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        (kind,) = {_plain_type(member) for member in members if member is not type(None)}
        return kind
    # The values of a literal.
    return type(members[0])
