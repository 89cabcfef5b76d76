"""Studies for benchmarks: the paper's study with other rows and fewer tasks."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from processes import ROOT
from support.small_rows import small_rows
from support.stated_jobs import all_jobs_of

from ecslm.config.groups import with_groups
from ecslm.plan.study import Study

Configuration = dict[str, Any]
Entry = dict[str, Any]

NAME = "benchmark"
# The rows of `paper_sized`, in the project.
ROWS = "rows.jsonl"

# Outputs that stand for a job, where it is not the first one.
READ_BY_OTHERS = {"train_adapter": "manifest"}


def main_files(plan: Study, *rules: str) -> list[str]:
    """One file of each job of some rules: that which other jobs read."""
    return [
        path
        for name in rules
        for job in all_jobs_of(plan)
        if job.rule == name
        for path in job.outputs[READ_BY_OTHERS.get(name, next(iter(job.outputs)))]
    ]


def read_configuration(project: Path) -> Configuration:
    """The content of config.yaml and of the studies beside it."""
    content: Configuration = yaml.safe_load((project / "config.yaml").read_text(encoding="utf-8"))
    for path in (project / "studies").glob("*.yaml"):
        content["studies"] |= yaml.safe_load(path.read_text(encoding="utf-8"))["studies"]
    return with_groups(content)


def with_study(configuration: Configuration, study: Entry) -> Configuration:
    """The configuration with this study alone. Those beside it are read from their own files."""
    return configuration | {"study": NAME, "studies": {NAME: study}}


def cut_down(study: Entry, seeds: Mapping[str, Sequence[int]], tasks: Sequence[str]) -> Entry:
    """The study with these models alone, each with its seeds, and with these tasks alone."""
    removed = {*study["models"], *study["tasks"]}.difference(seeds, tasks)
    cut: Entry = _without(study, removed)
    # Those that name one model alone, in place of a list, have lost it.
    cut["tables"] = {
        name: table
        for name, table in cut["tables"].items()
        if removed.isdisjoint(value for value in table.values() if isinstance(value, str))
    }
    if cut.get("described_with") in removed:
        del cut["described_with"]
    for model, numbers in seeds.items():
        cut["models"][model]["seeds"] = list(numbers)
    for table in cut["tables"].values():
        if "rows" in table:
            table["rows"] = [
                group for group in table["rows"] if any(map(_is_names, group.values()))
            ]
    cut["tables"] = {
        name: table
        for name, table in cut["tables"].items()
        if table.get("rows") != [] and table.get("models") != []
    }
    _cut_contrasts(cut)
    return cut


def paper_sized(shipped: Configuration, settings: int) -> Entry:
    """The paper's tuned models on made-up records, which `write_published_rows` writes.

    `settings` is how many of the paper's settings there are.
    """
    paper = shipped["studies"]["paper"]
    # Those of the published tables; others are variants of two of them.
    tuned = {
        name: model["seeds"] for name, model in paper["models"].items() if name.endswith("-EC")
    }
    chosen = paper | {"settings": paper["settings"][:settings]}
    return cut_down(chosen, tuned, paper["tasks"]) | {
        "published_comparable": False,
        "data": {"source": "path", "path": ROWS},
    }


def with_copies(shipped: Configuration, model: str, count: int, seeds: int) -> Entry:
    """The paper's study with one tuned model alone, so many times and with so many seeds; tables
    show it once."""
    paper = shipped["studies"]["paper"]
    study = cut_down(paper, {model: range(seeds)}, paper["tasks"])
    entry = study["models"][model]
    study["models"] |= {f"{model}-{number}": dict(entry) for number in range(1, count)}
    return study


def write_published_rows(project: Path, study: Entry, splits: Sequence[str]) -> None:
    """Rows of some splits in the settings of a study, as many as published; of others, one each."""
    sizes: dict[str, dict[str, int]] = {}
    with (ROOT / "resources/published/counts.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            domain = row["setting"].partition("_")[0].lower()
            size = f"test_{domain}" if row["split"] == "test" else row["split"]
            count = int(row["records"]) if row["split"] in splits else 1
            sizes.setdefault(row["task"], {})[size] = count
    endings = sorted({setting.partition("_")[2] for setting in study["settings"]})
    with (project / ROWS).open("w", encoding="utf-8") as stream:
        for task, own in sizes.items():
            for row in small_rows([task], endings, **own):
                stream.write(json.dumps(row) + "\n")


def _cut_contrasts(cut: Entry) -> None:
    """Leave out what a cut study cannot compare, and the tables of it."""
    settings, models = set(cut["settings"]), set(cut["models"])
    contrasts = cut["comparisons"]["contrasts"]
    for name, contrast in list(contrasts.items()):
        known = models if contrast["kind"] == "models" else settings
        contrast["pairs"] = [
            pair for pair in contrast["pairs"] if len(pair) == 2 and known.issuperset(pair)
        ]
        if not contrast["pairs"] or not contrast.get("models", True):
            del contrasts[name]
    for name, table in list(cut["tables"].items()):
        columns = [column for column in table.get("columns", ()) if isinstance(column, dict)]
        if not all(column["setting"] in settings for column in columns):
            cut["tables"].pop(name, None)
        if "contrasts" in table:
            table["contrasts"] = [one for one in table["contrasts"] if one in contrasts]
            if not table["contrasts"]:
                cut["tables"].pop(name, None)
        if table.get("contrast", "") not in ("", *contrasts):
            cut["tables"].pop(name, None)
    if not contrasts:
        del cut["comparisons"]


def _without(value: Any, removed: set[str]) -> Any:
    """A part of the configuration without the names in `removed`, as keys or in lists."""
    if isinstance(value, dict):
        return {k: _without(part, removed) for k, part in value.items() if k not in removed}
    if isinstance(value, list):
        return [_without(p, removed) for p in value if not isinstance(p, str) or p not in removed]
    return value


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and bool(value)
