"""Where the files of a data source are: settings on which results do not depend."""

import argparse
from collections.abc import Mapping
from typing import Any

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


def read_located(arguments: argparse.Namespace, form: type[Model]) -> Model:
    """Parse `--settings` after adding `--location` to its `source`.

    Raises:
        InputError: not JSON, an unknown key, or a value out of range.
    """
    given = read_settings(arguments.settings, _Object).root
    if arguments.location is not None and isinstance(given.get("source"), dict):
        where = read_settings(arguments.location, _Object).root
        given = given | {"source": _with(given["source"], where)}
    return validated_json(form, canonical_json(given), "--settings")


def _with(settings: Mapping[str, Any], where: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with further ones; sections that they lack are left out."""
    added = {
        name: _with(settings[name], value) if isinstance(value, dict) else value
        for name, value in where.items()
        if not isinstance(value, dict) or isinstance(settings.get(name), dict)
    }
    return {**settings, **added}


def add_location_option(parser: argparse.ArgumentParser) -> None:
    """Add `--location`."""
    parser.add_argument(
        "--location",
        help="where the source's files are, if --settings does not say it: JSON or @FILE, for "
        'example {"path": "data.jsonl"}',
    )
