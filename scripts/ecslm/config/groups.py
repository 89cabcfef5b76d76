"""Lists of a study that follow from its models: a group's title stands for all of its models, and
what a table leaves out is derived."""

import re
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

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


def with_groups(raw: dict[str, Any]) -> dict[str, Any]:
    """A configuration as read from YAML, with models in place of their groups, and with what tables
    leave out. What has another shape than the schema wants stays as it is."""
    raw = _copied(raw)
    registry = _section(raw, "tasks")
    for study in _sections(_section(raw, "studies")).values():
        models = _sections(_section(study, "models"))
        groups: dict[str, list[str]] = {}
        for name, model in sorted(models.items(), key=lambda item: _place(item[0])):
            groups.setdefault(str(model.get("group") or group_of(model)), []).append(name)
        contrasts = _section(_section(study, "comparisons"), "contrasts")
        for contrast in _sections(contrasts).values():
            _name_models(contrast, groups)
            if contrast.get("kind") == "models" and isinstance(contrast.get("pairs"), list):
                contrast["pairs"] = list(_pairs(contrast["pairs"], groups, models))
        for name, table in _sections(_section(study, "tables")).items():
            table.setdefault("label", f"tab:{name.replace('_', '-')}")
            _name_models(table, groups)
            _set_tasks(table, study.get("tasks"), registry)
            if table.get("kind") == "results":
                table.setdefault("rows", _rows(study, groups))
                _fill_rows(table["rows"], groups)
    return raw


def group_of(model: Mapping[str, Any]) -> str:
    """The group of a model that names none."""
    tuned = model.get("training") is not None or model.get("adapter_of")
    title = TITLES.get(str(model.get("backend")), TITLES["tuned" if tuned else "base"])
    title += ", one example" if model.get("shots") == 1 else ""
    limited = model.get("answers", "free") != "free"
    return f"{title}, answers limited to valid ones" if limited else title


def _place(name: str) -> tuple[str, float, str]:
    """Family by family, the smaller model first: the order of keys in a file has no meaning."""
    size = re.search(r"(\d+(?:\.\d+)?)([MB])\b", name)
    if size is None:
        return name, 0, ""
    return name[: size.start()], float(size[1]) * (1000 if size[2] == "B" else 1), name


def _name_models(entry: dict[str, Any], groups: Mapping[str, list[str]]) -> None:
    for key in LISTS:
        if isinstance(entry.get(key), list):
            entry[key] = [name for one in entry[key] for name in _members(one, groups)]


def _members(name: Any, groups: Mapping[str, list[str]]) -> list[Any]:
    return groups.get(name, [name]) if isinstance(name, str) else [name]


def _pairs(
    pairs: list[Any], groups: Mapping[str, list[str]], models: Mapping[str, Mapping[str, Any]]
) -> Iterator[Any]:
    """Each pair of names; of two groups, the pairs of models with the same base."""
    for pair in pairs:
        if not (isinstance(pair, list) and len(pair) == 2):
            yield pair
            continue
        both = all(isinstance(one, str) and one in groups for one in pair)
        for one, other in product(*(_members(side, groups) for side in pair)):
            if not both or models[one].get("base") == models[other].get("base"):
                yield [one, other]


def _set_tasks(table: dict[str, Any], tasks: Any, registry: Mapping[str, Any]) -> None:
    """All tasks of the study; out of domain those that have records there."""
    key = TASKS_OF.get(str(table.get("kind")))
    if key is None or key in table or not isinstance(tasks, list):
        return
    found = table.get("settings", table.get("setting"))
    settings = found if found and isinstance(found, list | dict) else [found]
    within = not all(str(one).startswith("OOD_") for one in settings)
    table[key] = [one for one in tasks if within or _section(registry, one).get("ood", True)]


def _rows(study: Mapping[str, Any], groups: Mapping[str, list[str]]) -> list[dict[str, Any]]:
    trivial = study.get("baselines")
    first = [{"group": "Trivial baselines", "baselines": trivial}] if trivial else []
    kinds = list(TITLES.values())
    # Those of other titles come last.
    order = {title: kinds.index(kind) for title in groups for kind in kinds if kind in title}
    titles = sorted(groups, key=lambda title: (order.get(title, len(kinds)), title))
    return [*first, *({"group": title} for title in titles)]


def _fill_rows(rows: Any, groups: Mapping[str, list[str]]) -> None:
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict):
            _name_models(row, groups)
            title = row.get("group")
            whole = row.keys() <= {"group", "followed_by_published"}
            if whole and isinstance(title, str) and title in groups:
                row["models"] = groups[title]


def _copied(value: Any) -> Any:
    """A copy in which what a YAML alias repeats is apart: two studies fill it differently."""
    if isinstance(value, dict):
        return {key: _copied(one) for key, one in value.items()}
    return [_copied(one) for one in value] if isinstance(value, list) else value


def _section(above: Mapping[Any, Any], key: Any) -> dict[Any, Any]:
    found = above.get(key) if isinstance(key, str) else None
    return found if isinstance(found, dict) else {}


def _sections(above: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {str(name): one for name, one in above.items() if isinstance(one, dict)}
