"""The card of an exported model: what it is, what it was made from, how good it is, where it fails.

A Markdown file whose head the hub reads.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ecslm.common.files import read_json, read_model
from ecslm.common.manifests import verify_result
from ecslm.common.templates import render_template
from ecslm.exports.settings import ModelCardSettings
from ecslm.exports.tidy_scores import rows_of
from ecslm.models.bases import BaseManifest
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
    values = {
        "settings": settings,
        "base": base_manifest,
        "adapter": read_model(results / settings.adapter, AdapterManifest),
        "equality": equality,
        "same": sum(one["adapter"] == one["exported"] for one in equality["answers"]),
        "lines": list(_lines(results, settings)),
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
