"""Lists of a study that follow from its models: a group's title stands for all of its models, and
what a table leaves out is derived."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import product
from typing import Any, get_args

from ecslm.config.models import name_like
from ecslm.families.backend import DEFAULT
from ecslm.schemas.task import has_example
from ecslm.tables.kind import KINDS

# By the name of the kind.
KIND = {get_args(one.model_fields["kind"].annotation)[0]: one for one in KINDS}
# Titles of groups, in the order of a table's rows.
TITLES = {
    "learned": "Learned baselines",
    "openai": "Models behind a server",
    "recorded": "Recorded answers",
    "base": "Base models",
    "tuned": "Tuned models",
}

# Fields whose names are of published rows.
PUBLISHED_ROWS = ("general", "published")
# With more columns a table takes the whole width of a page.
MOST_NARROW = 3

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
            with suppress(*OTHER_SHAPE):
                groups.setdefault(model.get("group") or group_of(model), []).append(name)
        for contrast in sections(study, "comparisons", "contrasts").values():
            with suppress(*OTHER_SHAPE):
                _name_models(contrast, groups)
                if contrast["kind"] == "models":
                    contrast["pairs"] = list(_pairs(contrast["pairs"], groups, models))
        with suppress(*OTHER_SHAPE):
            _add_scores(study, models, raw)
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
    title = TITLES[kind if model["backend"] == DEFAULT else model["backend"]]
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
    for key, value in entry.items():
        listed = isinstance(value, list) and all(isinstance(one, str) for one in value)
        if listed and key not in PUBLISHED_ROWS:
            entry[key] = [name for one in value for name in groups.get(one, [one])]


def _pairs(
    pairs: list[Any], groups: Mapping[str, list[str]], models: Mapping[str, Mapping[str, Any]]
) -> Iterator[Any]:
    """Each pair of names; of two groups, the pairs of models with the same base."""
    for first, second in pairs:
        both = first in groups and second in groups
        for one, other in product(groups.get(first, [first]), groups.get(second, [second])):
            if not both or models[one].get("base") == models[other].get("base"):
                yield [one, other]


def _add_scores(study: dict[str, Any], models: Mapping[str, Any], raw: Mapping[str, Any]) -> None:
    """A results table for each setting of a study that has none; answers to prompts with an example
    are in that of the setting without. Answers that are limited to valid ones compete with none."""
    tables, titles = study.setdefault("tables", {}), raw.get("setting_titles", {})
    if any(one["kind"] == "results" for one in tables.values()):
        return
    free = sorted(name for name, one in models.items() if one.get("answers", "free") == "free")
    tested = sorted(one for one in study["tasks"] if raw["tasks"][one].get("test", True))
    for setting in sorted(one for one in study["settings"] if not has_example(one)):
        if columns := _tasks_in([setting], tested, raw["tasks"]):
            # A setting is called as the data call it, which may be no name of a file.
            tables[name_like(f"scores_{setting}", tables, otherwise="scores")] = {
                **{"kind": "results", "setting": setting, "columns": columns, "competitors": free},
                "caption": f"Scores, {titles.get(setting, setting)}",
                "wide": len(columns) > MOST_NARROW,
            }


def _tasks_in(settings: Iterable[Any], tasks: list[str], registry: Mapping[str, Any]) -> list[str]:
    """All tasks of the study; out of domain those that have records there."""
    within = not all(str(one).startswith("OOD_") for one in settings)
    return [one for one in tasks if within or registry[one].get("ood", True)]


def _set_tasks(table: dict[str, Any], tasks: list[str], registry: Mapping[str, Any]) -> None:
    if key := KIND[table["kind"]].tasks_key():
        found = table.get("settings", table.get("setting"))
        settings = found if found and isinstance(found, list | dict) else [found]
        table.setdefault(key, _tasks_in(settings, tasks, registry))


def _set_rows(
    table: dict[str, Any], study: Mapping[str, Any], groups: Mapping[str, list[str]]
) -> None:
    """A row for each group; those of other titles come last."""
    if table["kind"] != "results":
        return
    kinds = list(TITLES.values())
    order = {title: kinds.index(kind) for title in groups for kind in kinds if kind in title}
    titles = sorted(groups, key=lambda title: (order.get(title, len(kinds)), title))
    trivial = sorted(study.get("baselines", ()))
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
