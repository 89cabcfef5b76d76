"""The scores of a study as tidy rows: `scores.csv` and `scores.parquet`.

The order of columns is that of `COLUMNS`; docs/results.md documents them and users rely on them.
Nothing here is a clock value: costs are counts of tokens and records, so that the files are the
same in every run.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from ecslm.common.files import read_model
from ecslm.common.manifests import read_result, verify_result
from ecslm.exports.settings import ScoreRowsSettings
from ecslm.models.manifests import AdapterManifest
from ecslm.schemas.metrics_file import LenientScore, MetricsFile
from ecslm.schemas.paths import ADAPTER, METRICS_FILE, PREDICTIONS
from ecslm.tables.settings import ModelContext

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
TOKENS = ["prompt_tokens", "generated_tokens"]


def score_frame(settings: ScoreRowsSettings, results: Path) -> pd.DataFrame:
    """All scores, in an order that does not depend on the configuration: models by name, then
    trivial baselines. A value that a row lacks is missing.

    Raises:
        InputError: a file is missing, altered since it was made, or invalid.
    """
    rows: list[dict[str, Any]] = []
    models, baselines = settings.context.models, settings.context.baselines
    trivial = {name: ModelContext(kind="baseline", tasks=of) for name, of in baselines.items()}
    for name, model in (*sorted(models.items()), *sorted(trivial.items())):
        about: dict[str, Any] = {"study": settings.study, "model": name}
        about |= {"kind": model.kind, "base": model.base}
        for seed in model.seeds:
            if model.tuned:
                path = results / ADAPTER.format(model=model.adapter_of, seed=seed)
                adapter = read_model(path, AdapterManifest)
                about["training_records"] = sum(adapter.records.values())
                about["training_tokens"] = sum(adapter.tokens.values())
            for task in sorted(model.tasks):
                path = results / PREDICTIONS.format(model=name, seed=seed, task=task)
                tokens = {} if name in trivial else _tokens(path)
                found = rows_of(results, name, seed, task)
                rows += [about | tokens.get(row["setting"], {}) | row for row in found]
    return pd.DataFrame(rows, columns=[*COLUMNS]).astype(COLUMNS)


def rows_of(results: Path, name: str, seed: int, task: str) -> Iterator[dict[str, Any]]:
    """The rows of a metrics file, without what only other files tell. Protocols that a score lacks,
    as an expected value does, have none."""
    file = read_result(results / METRICS_FILE.format(model=name, seed=seed, task=task), MetricsFile)
    about = {"seed": seed, "task": file.task, "metric": file.metric}
    for setting, scores in sorted(file.settings.items()):
        about |= {"setting": setting, "n": scores.n, "truncated": scores.n_truncated}
        strict = scores.strict
        low, high = strict.ci95 or (None, None)
        interval = (strict.details["interval"] if strict.ci95 else None) or {}
        yield about | {
            **{"protocol": "strict", "value": strict.known, "low": low, "high": high},
            "interval_method": interval.get("method"),
            "interval_reliable": interval.get("reliable"),
            **{"invalid": scores.n_invalid, "mcc": strict.details.get("mcc")},
        }
        for protocol, score in (
            ("lenient", strict.lenient),
            ("released", scores.released),
            ("released_2024", scores.released_2024),
        ):
            if score is not None:
                unread = score.n_invalid if isinstance(score, LenientScore) else score.dropped
                yield about | {"protocol": protocol, "value": score.known, "invalid": unread}


def _tokens(path: Path) -> dict[str, dict[str, int | None]]:
    """The tokens of all prompts and answers of each setting in a predictions file, None where one
    is unknown."""
    verify_result(path)
    # As they are: nothing that looks like a number or a date becomes one.
    lines = pd.read_json(path, lines=True, dtype=False)
    sums = lines.astype(dict.fromkeys(TOKENS, COUNT)).groupby("setting")[TOKENS].sum(skipna=False)
    return {str(setting): dict(row) for setting, row in sums.iterrows()}
