"""The card of an exported model: what it is, what it was made from, how good it is, where it fails.

A Markdown file whose head the hub reads.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from ecslm.common.files import read_json, read_model
from ecslm.common.manifests import verify_result
from ecslm.common.templates import render_template
from ecslm.common.tidy_rows import TidyRow, read_tidy
from ecslm.exports.settings import ModelCardSettings
from ecslm.models.bases import BaseManifest
from ecslm.models.manifests import AdapterManifest
from ecslm.schemas import paths
from ecslm.tables.model import percent_text


def render_card(template: Path, results: Path, base: Path, settings: ModelCardSettings) -> str:
    """The card's text.

    Args:
        base: the manifest of the base.

    Raises:
        InputError: a result was altered, or the template is invalid.
        OSError: a result is missing.
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


def _lines(results: Path, settings: ModelCardSettings) -> Iterator[TidyRow]:
    """The tidy rows of the model's strict scores, each with the name and the value of the best
    simple baseline, and whether the model is not better."""
    rows = read_tidy(results / paths.SCORES_PARQUET, protocol=["strict"])
    best = {(row["task"], row["setting"]): row for row in rows if row["best_simple"]}
    for line in rows:
        if (line["model"], line["seed"]) == (settings.model, settings.seed):
            simple = best.get((line["task"], line["setting"]), {})
            value, other = line["value"], simple.get("value")
            worse = other is not None and (value is None or value <= other)
            more = {"simple": simple.get("model"), "simple_value": other, "not_better": worse}
            yield line | more
