"""The card of an exported model: what it is, what it was made from, how good it is, where it fails.

A Markdown file with metadata as the hub reads them.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from ecslm.common.files import read_json, read_model
from ecslm.common.manifests import verify_result
from ecslm.common.templates import render_template
from ecslm.exports.settings import ModelCardSettings
from ecslm.exports.tidy_scores import rows_of
from ecslm.models.bases import BaseManifest, HubSource
from ecslm.models.manifests import AdapterManifest
from ecslm.schemas import paths
from ecslm.tables.model import percent_text
from ecslm.tables.scores import best_simple

# A tidy row, by the names of columns; None is what is missing.
Line = dict[str, Any]


def render_card(template: Path, results: Path, base: Path, settings: ModelCardSettings) -> str:
    """The card's text.

    Args:
        base: the manifest of the base.

    Raises:
        InputError: a result is missing or was altered, or the template is invalid.
    """
    names = (paths.EXPORT_EQUALITY, paths.EXPORT)
    evidence, manifest = (results / name.format(model=settings.model) for name in names)
    verify_result(evidence, manifest)
    equality, base_manifest = read_json(evidence), read_model(base, BaseManifest)
    method = "LoRA" if equality["precision"]["quantization"] == "none" else "QLoRA"
    lines = list(_lines(results, settings))
    values = {
        "metadata": _metadata(settings, base_manifest, method, lines).to_yaml(),
        "method": method,
        "settings": settings,
        "base": base_manifest,
        "adapter": read_model(results / settings.adapter, AdapterManifest),
        "equality": equality,
        "same": sum(one["adapter"] == one["exported"] for one in equality["answers"]),
        "lines": lines,
    }
    filters = {
        # Text that fits into one cell of a Markdown table.
        "cell": lambda text: " ".join(str(text).split()).replace("|", "\\|"),
        "pretty": lambda value: json.dumps(value, indent=2, ensure_ascii=False),
        "score": lambda value: "--" if value is None else f"{value:.3f}",
        "share": lambda value: f"{percent_text(value)} %",
    }
    return render_template(template, values, filters)


def _lines(results: Path, settings: ModelCardSettings) -> Iterator[Line]:
    """The tidy rows of the model's strict scores, each with the name and the value of the best
    simple baseline, and whether the model is not better."""

    def strict(name: str, seed: int, task: str) -> dict[str, Line]:
        rows = rows_of(results, name, seed, task)
        return {row["setting"]: row for row in rows if row["protocol"] == "strict"}

    for code in settings.context.tasks:
        simple = best_simple(results, code) if code in settings.context.simple else None
        others = strict(simple, 0, code) if simple else {}
        for setting, line in strict(settings.model, settings.seed, code).items():
            value, other = line["value"], others.get(setting, {}).get("value")
            worse = other is not None and (value is None or value <= other)
            yield line | {"simple": simple, "simple_value": other, "not_better": worse}


def _metadata(
    settings: ModelCardSettings, base: BaseManifest, method: str, lines: Sequence[Line]
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
                task_name=settings.context.tasks[line["task"]].title,
                dataset_type=data or "local",
                dataset_name=settings.context.data.source,
                # The library takes results of one `config` for those of one task.
                dataset_config=f"{line['task']} {line['setting']}",
                dataset_split="test",
                metric_type=line["metric"],
                metric_name=f"{line['metric']}, strict",
                metric_value=round(line["value"], 4),
            )
            for line in lines
            if line["value"] is not None
        ],
    )
