"""Lists of a study that follow from its models: a group's title stands for all of its models, and
what a table leaves out is derived."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import product
from typing import Any

from ecslm.prediction.backend import DEFAULT

# Keys of tables and contrasts that list models.
LISTS = ("models", "competitors", "latency")
# Kinds of table with a column or a row for each task, and the key that lists them.
TASKS_OF = {
    **dict.fromkeys(("results", "validity", "comparisons", "reproduction"), "columns"),
    **dict.fromkeys(("claims", "dataset", "instructions"), "tasks"),
}

# Titles of groups, in the order of a table's rows.
TITLES = {
    "learned": "Learned baselines",
    "openai": "Models behind a server",
    "recorded": "Recorded answers",
    "base": "Base models",
    "tuned": "Tuned models",
}


# What Python raises of values that have another shape than the schema wants: it refuses them.
OTHER_SHAPE = (AttributeError, KeyError, TypeError, ValueError)


def with_groups(raw: dict[str, Any]) -> dict[str, Any]:
    """A configuration as read from YAML, with models in place of their groups, and with what models
    and tables leave out. Of the study to run, models with adapters have the `seeds` of all, if any.
    What has another shape than the schema wants stays as it is."""
    raw = _copied(raw)
    for name_of, study in sections(raw, "studies").items():
        groups: dict[str, list[str]] = {}
        models = sections(study, "models")
        for name, model in sorted(models.items(), key=lambda item: _place(item[0])):
            model.setdefault("backend", DEFAULT)
            if raw.get("seeds") and name_of == raw.get("study") and _is_adapted(model):
                model["seeds"] = raw["seeds"]
            groups.setdefault(str(model.get("group") or group_of(model)), []).append(name)
        for contrast in sections(study, "comparisons", "contrasts").values():
            with suppress(*OTHER_SHAPE):
                _name_models(contrast, groups)
                if contrast["kind"] == "models":
                    contrast["pairs"] = list(_pairs(contrast["pairs"], groups, models))
        for name, table in sections(study, "tables").items():
            table.setdefault("label", f"tab:{name.replace('_', '-')}")
            with suppress(*OTHER_SHAPE):
                _name_models(table, groups)
                _set_rows(table, study, groups)
            with suppress(*OTHER_SHAPE):
                _set_tasks(table, study["tasks"], raw["tasks"])
    return raw


def group_of(model: Mapping[str, Any]) -> str:
    """The group of a model that names none."""
    kind = "tuned" if _is_adapted(model) else "base"
    title = TITLES.get(str(model.get("backend")), TITLES[kind])
    title += ", one example" if model.get("shots") == 1 else ""
    limited = model.get("answers", "free") != "free"
    return f"{title}, answers limited to valid ones" if limited else title


def _is_adapted(model: Mapping[str, Any]) -> bool:
    """Whether a model has adapters, its own or those of another."""
    return "training" in model or model.get("adapter_of") is not None


def _place(name: str) -> tuple[str, float, str]:
    """Family by family, the smaller model first: the order of keys in a file has no meaning."""
    size = re.search(r"(\d+(?:\.\d+)?)([MB])\b", name)
    if size is None:
        return name, 0, ""
    return name[: size.start()], float(size[1]) * (1000 if size[2] == "B" else 1), name


def _name_models(entry: dict[str, Any], groups: Mapping[str, list[str]]) -> None:
    for key in LISTS:
        if isinstance(entry.get(key), list):
            entry[key] = [name for one in entry[key] for name in groups.get(one, [one])]


def _pairs(
    pairs: list[Any], groups: Mapping[str, list[str]], models: Mapping[str, Mapping[str, Any]]
) -> Iterator[Any]:
    """Each pair of names; of two groups, the pairs of models with the same base."""
    for first, second in pairs:
        both = first in groups and second in groups
        for one, other in product(groups.get(first, [first]), groups.get(second, [second])):
            if not both or models[one].get("base") == models[other].get("base"):
                yield [one, other]


def _set_tasks(table: dict[str, Any], tasks: list[str], registry: Mapping[str, Any]) -> None:
    """All tasks of the study; out of domain those that have records there."""
    if (key := TASKS_OF.get(table["kind"])) is not None:
        found = table.get("settings", table.get("setting"))
        settings = found if found and isinstance(found, list | dict) else [found]
        within = not all(str(one).startswith("OOD_") for one in settings)
        having = [one for one in tasks if within or registry[one].get("ood", True)]
        table.setdefault(key, having)


def _set_rows(
    table: dict[str, Any], study: Mapping[str, Any], groups: Mapping[str, list[str]]
) -> None:
    """A row for each group; those of other titles come last."""
    if table["kind"] != "results":
        return
    kinds = list(TITLES.values())
    order = {title: kinds.index(kind) for title in groups for kind in kinds if kind in title}
    titles = sorted(groups, key=lambda title: (order.get(title, len(kinds)), title))
    trivial = study.get("baselines")
    first = [{"group": "Trivial baselines", "baselines": trivial}] if trivial else []
    for row in table.setdefault("rows", [*first, *({"group": title} for title in titles)]):
        _name_models(row, groups)
        if row.keys() <= {"group", "followed_by_published"} and row["group"] in groups:
            row["models"] = groups[row["group"]]


def _copied(value: Any) -> Any:
    """A copy in which what a YAML alias repeats is apart: two studies fill it differently."""
    if isinstance(value, dict):
        return {key: _copied(one) for key, one in value.items()}
    return [_copied(one) for one in value] if isinstance(value, list) else value


def sections(raw: Any, *keys: str) -> dict[str, dict[str, Any]]:
    """The sections below some nested keys, by name; none where something has another shape."""
    for key in keys:
        raw = raw.get(key) if isinstance(raw, dict) else None
    named = raw.items() if isinstance(raw, dict) else ()
    return {str(name): one for name, one in named if isinstance(one, dict)}
