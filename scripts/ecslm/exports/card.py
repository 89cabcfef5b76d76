"""The card of an exported model: what it is, what it was made from, how good it is, where it fails.

A Markdown file with metadata as the hub reads them.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from huggingface_hub import EvalResult, ModelCardData

from ecslm.common.errors import InputError
from ecslm.common.files import read_text
from ecslm.common.manifests import read_result
from ecslm.common.validation import read_model
from ecslm.exports.card_settings import CardTask, ModelCardSettings
from ecslm.exports.equality import AnsweredTwice, Equality, read_equality
from ecslm.models.adapters import AdapterManifest
from ecslm.models.bases import BaseManifest, HubSource
from ecslm.schemas import paths
from ecslm.schemas.metrics_file import MetricsFile, SettingScores
from ecslm.schemas.task import BERTSCORE_METRICS
from ecslm.scoring.score import Row, score
from ecslm.scoring.settings import ScoringSettings
from ecslm.tables.model import percent_text
from ecslm.tables.scores import best_simple

# The score itself is asked for, not its interval.
NO_INTERVAL = ScoringSettings(resamples=1)


@dataclass(frozen=True)
class ScoreLine:
    """A score of the model, beside that of the best simple baseline."""

    task: str
    setting: str
    metric: str
    scores: SettingScores
    simple: str | None
    simple_value: float | None

    @property
    def value(self) -> float | None:
        """The strict score, None if it is undefined."""
        return self.scores.strict.known

    @property
    def invalid_share(self) -> float:
        """Share of answers that cannot be read."""
        return self.scores.n_invalid / self.scores.n

    @property
    def not_better(self) -> bool:
        """Whether a simple baseline is at least as good."""
        other = self.simple_value
        return other is not None and (self.value is None or self.value <= other)


@dataclass(frozen=True)
class Rescored:
    """Scores of the records that were answered twice, None for a metric that needs an encoder."""

    task: str
    records: int
    same: int
    adapter: float | None
    exported: float | None


def render_card(template: Path, results: Path, base: Path, settings: ModelCardSettings) -> str:
    """The card's text.

    Args:
        base: the manifest of the base.

    Raises:
        InputError: a result is missing or was altered, or the template is invalid.
    """
    model = settings.model
    equality = read_equality(results / paths.EXPORT_EQUALITY.format(model=model))
    adapter_file = paths.ADAPTER.format(model=model, seed=settings.seed)
    lines = [
        line
        for code, task in settings.tasks.items()
        for line in _score_lines(results, settings, code, task)
    ]
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    base_manifest = read_model(base, BaseManifest)
    method = "LoRA" if equality.precision.quantization == "none" else "QLoRA"
    environment.filters |= {"cell": _cell, "pretty": _pretty, "score": _score, "share": _share}
    try:
        return environment.from_string(read_text(template)).render(
            metadata=_metadata(settings, base_manifest, method, lines).to_yaml(),
            method=method,
            settings=settings,
            base=base_manifest,
            adapter=read_model(results / adapter_file, AdapterManifest),
            equality=equality,
            rescored=list(_rescored(equality, settings.tasks)),
            lines=lines,
        )
    except jinja2.TemplateSyntaxError as error:
        raise InputError(f"{template}: line {error.lineno}: {error.message}") from None
    except jinja2.UndefinedError as error:
        raise InputError(f"{template}: {error.message}") from None


def _score_lines(
    results: Path, settings: ModelCardSettings, code: str, task: CardTask
) -> Iterator[ScoreLine]:
    def read(name: str, seed: int) -> MetricsFile:
        return read_result(results / paths.metric_path(name, seed, code), MetricsFile)

    own = read(settings.model, settings.seed)
    simple = best_simple(results, code) if task.simple else None
    others = read(simple, 0).settings if simple else {}
    for setting, scores in own.settings.items():
        yield ScoreLine(
            task=code,
            setting=setting,
            metric=own.metric,
            scores=scores,
            simple=simple,
            simple_value=others[setting].strict.known if setting in others else None,
        )


def _rescored(equality: Equality, tasks: Mapping[str, CardTask]) -> Iterator[Rescored]:
    for code, task in tasks.items():
        rows = [row for row in equality.answers if row.task == code]
        if not rows:
            continue
        values: list[float | None] = [None, None]
        if task.kind.metric not in BERTSCORE_METRICS:
            values = [_strict(code, task, rows, by) for by in ("adapter", "exported")]
        same = sum(row.adapter == row.exported for row in rows)
        yield Rescored(code, len(rows), same, *values)


def _strict(code: str, task: CardTask, rows: Sequence[AnsweredTwice], by: str) -> float | None:
    """The strict score of one of the two answers, over all settings."""
    predictions = [
        # Settings would be scored apart.
        row.prediction(getattr(row, by)).model_copy(update={"setting": "all"})
        for row in rows
    ]
    found = score(predictions, Row(code), task.kind, NO_INTERVAL)
    return found.metrics.settings["all"].strict.known


def _metadata(
    settings: ModelCardSettings, base: BaseManifest, method: str, lines: Sequence[ScoreLine]
) -> ModelCardData:
    """What the hub reads; a base or data that are not there have no id to name."""
    on_hub = isinstance(base.source, HubSource)
    data = settings.data_hub_id
    return ModelCardData(
        language="en",
        license=None if settings.base_license is None else settings.base_license.lower(),
        library_name="transformers",
        pipeline_tag="text-generation",
        base_model=base.source.id if isinstance(base.source, HubSource) else None,
        base_model_relation="finetune" if on_hub else None,
        datasets=None if data is None else [data],
        tags=[method.lower()],
        model_name=settings.model,
        eval_results=[
            EvalResult(
                task_type="text-generation",
                task_name=settings.tasks[line.task].title,
                dataset_type=data or "local",
                dataset_name=settings.data_source,
                # The library takes results of one `config` for those of one task.
                dataset_config=f"{line.task} {line.setting}",
                dataset_split="test",
                metric_type=settings.tasks[line.task].kind.metric,
                metric_name=f"{line.metric}, strict",
                metric_value=round(line.value, 4),
            )
            for line in lines
            if line.value is not None
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
