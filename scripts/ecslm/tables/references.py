"""Types for names in a table's entry; each declares which part of the study the name refers to.

By these types the configuration checks the names.
"""

import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel

Part = Literal[
    "registered tasks",
    "bases",
    "templates",
    "tasks",
    "models",
    "tuned models",
    "baselines",
    "settings",
    "settings of records",
    "contrasts",
    "contrasts of settings",
]


@dataclass(frozen=True)
class Reference:
    """The part of a study that must have the name."""

    part: Part


TaskName = Annotated[str, Reference("tasks")]
ModelName = Annotated[str, Reference("models")]
# A model that need not be in the table.
AnyModelName = Annotated[str, Reference("models")]
TunedModelName = Annotated[str, Reference("tuned models")]
BaselineName = Annotated[str, Reference("baselines")]
# An evaluation setting.
SettingName = Annotated[str, Reference("settings")]
# An evaluation setting, or that of the training records.
RecordsSettingName = Annotated[str, Reference("settings of records")]
ContrastName = Annotated[str, Reference("contrasts")]
# A contrast that compares settings, not models.
SettingsContrastName = Annotated[str, Reference("contrasts of settings")]


@dataclass(frozen=True)
class Named:
    """A name in an entry: the path of its field, what it refers to, and the name."""

    field: str
    reference: Reference
    name: str


def names_in(entry: Any, schema: type[BaseModel]) -> Iterator[Named]:
    """The names in an entry, in the order of the schema's fields.

    Types are followed into sections, tuples of one type, mappings and unions. `entry` is plain
    values, validated or not, or sections as validated: values of another shape are ignored.
    """
    return _walk(entry, schema, "")


def _walk(value: Any, annotation: Any, path: str) -> Iterator[Named]:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if isinstance(value, BaseModel):
        yield from _walk(vars(value), type(value), path)
    elif origin is Annotated:
        if isinstance(value, str):
            found = (one for one in annotation.__metadata__ if isinstance(one, Reference))
            yield from (Named(path, reference, value) for reference in found)
        yield from _walk(value, arguments[0], path)
    elif origin in (typing.Union, types.UnionType):
        for member in arguments:
            yield from _walk(value, member, path)
    elif origin is tuple and isinstance(value, list | tuple):
        for number, item in enumerate(value):
            # The path of a section in a list has its index; that of a name does not.
            where = f"{path}.{number}" if isinstance(item, dict | BaseModel) else path
            yield from _walk(item, arguments[0], where)
    elif origin is dict and isinstance(value, dict):
        for key, item in value.items():
            yield from _walk(key, arguments[0], path)
            yield from _walk(item, arguments[1], f"{path}.{key}")
    elif isinstance(value, dict) and _is_schema(annotation):
        for field, hint in _hints(annotation).items():
            where = f"{path}.{field}" if path else field
            yield from _walk(value.get(field), hint, where)


@cache
def _hints(schema: type[BaseModel]) -> dict[str, Any]:
    hints = typing.get_type_hints(schema, include_extras=True)
    return {field: hints[field] for field in schema.model_fields}


def _is_schema(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
