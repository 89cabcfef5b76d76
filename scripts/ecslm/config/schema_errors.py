"""Validation errors with the keys of the configuration, and the nearest valid name."""

import re
import types
import typing
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ValidationError

from ecslm.common.plain_words import given, in_plain_words
from ecslm.common.text import nearest

# A key of a server by the names that people give it, and the sections where they put it.
SECRET = re.compile(r"(api_?|access_?|auth_?)?(key|token|secret|password)", re.IGNORECASE)
WITH_SECRETS = frozenset({"server", "access"})


def schema_problems(
    error: ValidationError, schema: type[BaseModel]
) -> list[tuple[tuple[str, ...], str]]:
    """The keys and the problem of each error of validating against `schema`."""
    problems = []
    details = error.errors(include_url=False)
    for detail in details:
        # pydantic does not count invalid items, so it also reports that their list is too short.
        if detail["type"] == "too_short" and any(
            other["loc"][:-1][: len(detail["loc"])] == detail["loc"] for other in details
        ):
            continue
        keys, fields = _walk(detail["loc"], schema)
        if detail["type"] == "extra_forbidden" and _may_be_secret(keys):
            message = "unknown key: name the variable that holds it in `access: {key: VARIABLE}`"
        elif detail["type"] == "extra_forbidden":
            message = f"unknown key{nearest(keys[-1], fields)}"
        elif detail["type"].startswith("union_tag"):
            keys.append(detail["ctx"]["discriminator"].strip("'"))
            message = _wrong_tag(keys[-1], detail)
        else:
            shown = "" if WITH_SECRETS.intersection(keys) else given(detail)
            message = f"{in_plain_words(detail)}{shown}"
        problems.append((tuple(keys), message))
    return problems


def _may_be_secret(keys: Sequence[str]) -> bool:
    return "models" in keys and SECRET.fullmatch(keys[-1]) is not None


def _wrong_tag(key: str, detail: Any) -> str:
    """A section whose kind is missing or unknown."""
    if detail["type"] == "union_tag_not_found":
        return "missing"
    valid = [tag.strip(" '") for tag in detail["ctx"]["expected_tags"].split(",")]
    tag = detail["ctx"]["tag"]
    found = "is empty" if tag in ("", "None") else f"unknown {key} {tag}"
    return f"{found}{nearest(tag, valid)}"


def _walk(location: Sequence[Any], schema: Any) -> tuple[list[str], set[str]]:
    """The keys of an error's location, without the tags that pydantic puts in for unions, and the
    fields of the section that holds the last key."""
    keys: list[str] = []
    fields: set[str] = set()
    current = schema
    for part in location:
        if part == "[key]":
            # pydantic's mark of a key that is itself invalid.
            continue
        members = _members(current)
        tagged = [member for member in members if part in _tags(member)]
        if len(members) > 1 and tagged:
            current = tagged[0]
            continue
        keys.append(str(part))
        model = next((member for member in members if _is_model(member)), None)
        if model is not None:
            fields = set(model.model_fields)
            field = model.model_fields.get(part)
            current = Any if field is None else field.annotation
        else:
            container = next((member for member in members if typing.get_args(member)), Any)
            fields = set()
            arguments = [a for a in typing.get_args(container) if a is not Ellipsis]
            current = arguments[-1] if arguments else Any
    return keys, fields


def _members(annotation: Any) -> list[Any]:
    """The members of a union, also inside Annotated; any other annotation as the only member."""
    if typing.get_origin(annotation) is Annotated:
        return _members(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return [
            inner
            for member in typing.get_args(annotation)
            if member is not type(None)
            for inner in _members(member)
        ]
    return [annotation]


def _tags(member: Any) -> set[Any]:
    """Values of the literal fields by which pydantic tells the members of a union apart."""
    if not _is_model(member):
        return set()
    return {
        value
        for name in ("source", "kind", "backend")
        if name in member.model_fields
        for value in typing.get_args(member.model_fields[name].annotation)
    }


def _is_model(member: Any) -> bool:
    return isinstance(member, type) and issubclass(member, BaseModel)
