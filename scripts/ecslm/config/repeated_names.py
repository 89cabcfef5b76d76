"""Names that would collide, as those of files, tasks or tables, or that Snakemake cannot use."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ecslm.config.names import MOST_CHARACTERS

# Endings of files next to those that are named after a task or a table.
ENDINGS = (".cost", ".manifest", ".records", ".tabular")
# Names that Snakemake takes for endless paths.
PERIODIC = re.compile(r"(.+?)\1{19,}$", re.DOTALL)


def name_problems(raw: Mapping[str, Any]) -> Iterator[str]:
    """A line for each name that may be confused with another, or that Snakemake cannot use."""
    tasks, studies = _mapping(raw.get("tasks")), _mapping(raw.get("studies"))
    for section in ("studies", "bases", "tasks"):
        yield from _alike(section, _mapping(raw.get(section)))
        yield from _periodic(section, _mapping(raw.get(section)))
    yield from _ending_as_others("tasks", tasks)
    yield from _shared_aliases(tasks)
    for name, study in studies.items():
        tables = _mapping(_mapping(study).get("tables"))
        for section in ("models", "tables"):
            entries = _mapping(_mapping(study).get(section))
            yield from _alike(f"studies.{name}.{section}", entries)
            yield from _periodic(f"studies.{name}.{section}", entries)
        yield from _ending_as_others(f"studies.{name}.tables", tables)
        yield from _repeated_labels(f"studies.{name}.tables", tables)


def _alike(section: str, entries: Mapping[str, Any]) -> Iterator[str]:
    """Names that are one file or folder where a disk does not tell capitals from small letters."""
    first: dict[str, str] = {}
    for name in filter(lambda name: isinstance(name, str), entries):
        other = first.setdefault(name.lower(), name)
        if other != name:
            yield (
                f"{section}.{name}: differs from `{section}.{other}` in capitals alone, which some "
                "disks do not tell apart: rename one"
            )


def _periodic(section: str, entries: Mapping[str, Any]) -> Iterator[str]:
    """Names that would make Snakemake fail."""
    for name in filter(lambda name: isinstance(name, str), entries):
        # Longer names are reported as too long.
        if len(name) <= MOST_CHARACTERS and (match := PERIODIC.search(name)):
            yield (
                f"{section}.{name}: ends with {match[1]} 20 times or more, which Snakemake takes "
                "for a path without end: shorten it"
            )


def _ending_as_others(section: str, entries: Mapping[str, Any]) -> Iterator[str]:
    """Names whose files would be called like other files of a name without the ending."""
    for name in filter(lambda name: isinstance(name, str), entries):
        for ending in ENDINGS:
            if name.endswith(ending):
                yield f"{section}.{name}: ends with {ending}, as other files do: rename it"


def _shared_aliases(tasks: Mapping[str, Any]) -> Iterator[str]:
    """Names by which the data's rows would be of several tasks."""
    owners: dict[str, str] = {code: code for code in tasks}
    for code, task in tasks.items():
        for alias in dict.fromkeys(_texts(_mapping(task).get("aliases"))):
            owner = owners.setdefault(alias, str(code))
            if owner == code:
                continue
            key = f"tasks.{owner}" if owner == alias else f"tasks.{owner}.aliases"
            yield (
                f"tasks.{code}.aliases: {alias} is a name of `{key}` too, and a row has one task: "
                "remove it from one of them"
            )


def _repeated_labels(path: str, tables: Mapping[str, Any]) -> Iterator[str]:
    """Tables of one LaTeX label, so that a reference to it would be to either."""
    first: dict[str, str] = {}
    for name, table in tables.items():
        label = _mapping(table).get("label")
        if isinstance(label, str) and (other := first.setdefault(label, name)) != name:
            yield f"{path}.{name}.label: {label} is that of `{path}.{other}` too: change one"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _texts(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
