"""Where the files of a data source are: settings on which results do not depend."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, RootModel

from ecslm.common.cli import read_settings
from ecslm.common.files import Model
from ecslm.common.hashing import canonical_json
from ecslm.common.validation import validated_json
from ecslm.data.settings import DataSource


class _Object(RootModel[dict[str, Any]]):
    """Any JSON object."""


def location(source: DataSource) -> str:
    """The value of `--location`: the settings of a source that are not written with the others."""
    return canonical_json(_excluded(source))


def _excluded(settings: BaseModel) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if field.exclude and value is not None:
            found[name] = str(value)
        elif isinstance(value, BaseModel) and (inner := _excluded(value)):
            found[name] = inner
    return found


def json_object(text: str) -> dict[str, Any]:
    """A JSON object or `@file`, as the type of an option.

    Raises:
        InputError: it is none.
    """
    return read_settings(text, _Object).root


JsonObject = Annotated[dict[str, Any], json_object]


def located(
    settings: Mapping[str, Any], location: Mapping[str, Any] | None, form: type[Model]
) -> Model:
    """The settings of `--settings` and `--location`, which is added to their `source`.

    Raises:
        InputError: an unknown key, or a value out of range.
    """
    if location is not None and isinstance(settings.get("source"), dict):
        settings = {**settings, "source": _with(settings["source"], location)}
    return validated_json(form, canonical_json(settings), "--settings")


def _with(settings: Mapping[str, Any], where: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with further ones; sections that they lack are left out."""
    added = {
        name: _with(settings[name], value) if isinstance(value, dict) else value
        for name, value in where.items()
        if not isinstance(value, dict) or isinstance(settings.get(name), dict)
    }
    return {**settings, **added}
