"""The card of an exported model: what it is, what it was made from, how good it is, where it fails.

A Markdown file with metadata as the hub reads them.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
from huggingface_hub import EvalResult, ModelCardData

from ecslm.common.errors import InputError
from ecslm.common.files import read_text
from ecslm.common.validation import read_model
from ecslm.exports.equality import AnsweredTwice, Equality, read_equality
from ecslm.exports.settings import CardTask, ModelCardSettings
from ecslm.exports.tidy_scores import COLUMNS, rows_of
from ecslm.models.adapters import AdapterManifest
from ecslm.models.bases import BaseManifest, HubSource
from ecslm.schemas import paths
from ecslm.schemas.prediction import ScoredPrediction
from ecslm.schemas.task import BERTSCORE_METRICS
from ecslm.scoring.score import Row, score
from ecslm.scoring.settings import ScoringSettings
from ecslm.tables.model import percent_text
from ecslm.tables.scores import best_simple

# The score itself is asked for, not its interval.
NO_INTERVAL = ScoringSettings(resamples=1)


def render_card(template: Path, results: Path, base: Path, settings: ModelCardSettings) -> str:
    """The card's text.

    Args:
        base: the manifest of the base.

    Raises:
        InputError: a result is missing or was altered, or the template is invalid.
    """
    equality = read_equality(results / paths.EXPORT_EQUALITY.format(model=settings.model))
    base_manifest = read_model(base, BaseManifest)
    method = "LoRA" if equality.precision.quantization == "none" else "QLoRA"
    lines = list(_lines(results, settings))
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters |= {"cell": _cell, "pretty": _pretty, "score": _score, "share": _share}
    try:
        return environment.from_string(read_text(template)).render(
            metadata=_metadata(settings, base_manifest, method, lines).to_yaml(),
            method=method,
            settings=settings,
            base=base_manifest,
            adapter=read_model(results / settings.adapter, AdapterManifest),
            equality=equality,
            rescored=list(_rescored(equality, settings.tasks)),
            lines=lines,
        )
    except jinja2.TemplateSyntaxError as error:
        raise InputError(f"{template}: line {error.lineno}: {error.message}") from None
    except jinja2.UndefinedError as error:
        raise InputError(f"{template}: {error.message}") from None


def _lines(results: Path, settings: ModelCardSettings) -> Iterator[dict[str, Any]]:
    """The tidy rows of the model's strict scores, each with the name and the value of the best
    simple baseline, and whether the model is not better; None is what is missing."""
    for code, task in settings.tasks.items():
        simple = best_simple(results, code) if task.simple else None
        others = _strict_rows(results, simple, 0, code) if simple else {}
        for setting, line in _strict_rows(results, settings.model, settings.seed, code).items():
            other = others.get(setting, {}).get("value")
            worse = other is not None and (line["value"] is None or line["value"] <= other)
            yield line | {"simple": simple, "simple_value": other, "not_better": worse}


def _strict_rows(results: Path, name: str, seed: int, task: str) -> dict[str, dict[str, Any]]:
    rows = rows_of(results, name, seed, task)
    missing = dict.fromkeys(COLUMNS)
    return {row["setting"]: missing | row for row in rows if row["protocol"] == "strict"}


def _rescored(equality: Equality, tasks: Mapping[str, CardTask]) -> Iterator[dict[str, Any]]:
    """Scores of the records that were answered twice, None for a metric that needs an encoder."""
    for code, task in tasks.items():
        rows = [row for row in equality.answers if row.task == code]
        if rows:
            same = sum(row.adapter == row.exported for row in rows)
            values = {by: _strict(code, task, rows, by) for by in ("adapter", "exported")}
            yield {"task": code, "records": len(rows), "same": same, **values}


def _strict(code: str, task: CardTask, rows: Sequence[AnsweredTwice], by: str) -> float | None:
    """The strict score of one of the two answers, over all settings."""
    if task.kind.metric in BERTSCORE_METRICS:
        return None
    predictions = [
        ScoredPrediction(
            **row.model_dump(exclude={"task", "setting", "adapter", "exported"}),
            # Settings would be scored apart.
            setting="all",
            prediction=getattr(row, by).text,
            finish_reason=getattr(row, by).finish_reason,
        )
        for row in rows
    ]
    found = score(predictions, Row(code), task.kind, NO_INTERVAL)
    return found.metrics.settings["all"].strict.known


def _metadata(
    settings: ModelCardSettings, base: BaseManifest, method: str, lines: Sequence[Mapping[str, Any]]
) -> ModelCardData:
    """What the hub reads; a base or data that are not there have no id to name."""
    base_id = base.source.id if isinstance(base.source, HubSource) else None
    data = settings.data_hub_id
    return ModelCardData(
        language="en",
        license=None if settings.base_license is None else settings.base_license.lower(),
        library_name="transformers",
        pipeline_tag="text-generation",
        base_model=base_id,
        base_model_relation="finetune" if base_id else None,
        datasets=None if data is None else [data],
        tags=[method.lower()],
        model_name=settings.model,
        eval_results=[
            EvalResult(
                task_type="text-generation",
                task_name=settings.tasks[line["task"]].title,
                dataset_type=data or "local",
                dataset_name=settings.data_source,
                # The library takes results of one `config` for those of one task.
                dataset_config=f"{line['task']} {line['setting']}",
                dataset_split="test",
                metric_type=settings.tasks[line["task"]].kind.metric,
                metric_name=f"{line['metric']}, strict",
                metric_value=round(line["value"], 4),
            )
            for line in lines
            if line["value"] is not None
        ],
    )


def _cell(text: object) -> str:
    """Text that fits into one cell of a Markdown table."""
    return " ".join(str(text).split()).replace("|", "\\|")


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _score(value: float | None) -> str:
    return "--" if value is None else f"{value:.3f}"


def _share(value: float) -> str:
    return f"{percent_text(value)} %"
