"""Studies for benchmarks: the paper's study with other rows and fewer tasks."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

Configuration = dict[str, Any]
Study = dict[str, Any]

NAME = "benchmark"


def read_configuration(project: Path) -> Configuration:
    """The content of config.yaml."""
    return dict(yaml.safe_load((project / "config.yaml").read_text(encoding="utf-8")))


def with_study(configuration: Configuration, study: Study) -> Configuration:
    """The configuration with one more study, which is the current one."""
    return configuration | {"study": NAME, "studies": configuration["studies"] | {NAME: study}}


def cut_down(study: Study, seeds: Mapping[str, Sequence[int]], tasks: Sequence[str]) -> Study:
    """The study with these models alone, each with its seeds, and with these tasks alone."""
    removed = {*study["models"], *study["tasks"]}.difference(seeds, tasks)
    cut: Study = _without(study, removed)
    if cut.get("described_with") in removed:
        del cut["described_with"]
    for model, numbers in seeds.items():
        cut["models"][model]["seeds"] = list(numbers)
    for table in cut["tables"].values():
        if "rows" in table:
            table["rows"] = [
                group for group in table["rows"] if any(map(_is_names, group.values()))
            ]
    return cut


def _without(value: Any, removed: set[str]) -> Any:
    """A part of the configuration without the names in `removed`, as keys or in lists."""
    if isinstance(value, dict):
        return {k: _without(part, removed) for k, part in value.items() if k not in removed}
    if isinstance(value, list):
        return [_without(p, removed) for p in value if not isinstance(p, str) or p not in removed]
    return value


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and bool(value)
