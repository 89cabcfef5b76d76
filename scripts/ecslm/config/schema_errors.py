"""What is wrong with the values of a configuration, with their keys and the nearest valid name."""

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from ecslm.common.errors import given, in_plain_words
from ecslm.common.text import nearest, shown

# A key of a server by the names that people give it, and the sections where they put it.
SECRET = re.compile(r"(api_?|access_?|auth_?)?(key|token|secret|password)", re.IGNORECASE)
WITH_SECRETS = frozenset({"server", "access"})
# Keys of what is asked for elsewhere, as an argument of a command or a part of an address.
ASKED_FOR = frozenset({"id", "package", "revision", "version"})
# These and keys of files and folders must say something.
NEEDED = ASKED_FOR | {"archive", "path", "published_numbers", "url", "weights"}
# Control characters, and halves of characters.
NO_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")

Json = dict[str, Any]


def schema_problems(error: ValidationError, schema: type[BaseModel]) -> dict[tuple[str, ...], str]:
    """The first problem of each key, by its path, of an error of validating against `schema`."""
    problems: dict[tuple[str, ...], str] = {}
    details = error.errors(include_url=False)
    whole = schema.model_json_schema()
    for detail in details:
        # pydantic does not count invalid items, so it also reports that their list is too short.
        if detail["type"] == "too_short" and any(
            other["loc"][:-1][: len(detail["loc"])] == detail["loc"] for other in details
        ):
            continue
        keys, fields = _walk(detail["loc"], whole)
        if detail["type"] == "extra_forbidden" and _may_be_secret(keys):
            message = "unknown key: name the variable that holds it in `access: {key: VARIABLE}`"
        elif detail["type"] == "extra_forbidden":
            message = f"unknown key{nearest(keys[-1], fields)}"
        elif detail["type"].startswith("union_tag"):
            keys.append(detail["ctx"]["discriminator"].strip("'"))
            message = _wrong_tag(keys[-1], detail)
        else:
            hidden = WITH_SECRETS.intersection(keys)
            message = f"{in_plain_words(detail)}{'' if hidden else given(detail)}"
        problems.setdefault(tuple(keys), message)
    return problems


def _may_be_secret(keys: Sequence[str]) -> bool:
    return "models" in keys and SECRET.fullmatch(keys[-1]) is not None


def _wrong_tag(key: str, detail: Any) -> str:
    """A section whose kind is missing or unknown."""
    if detail["type"] == "union_tag_not_found":
        return "missing"
    valid = [tag.strip(" '") for tag in detail["ctx"]["expected_tags"].split(",")]
    return f"unknown {key} {detail['ctx']['tag']}{nearest(detail['ctx']['tag'], valid)}"


def _walk(location: Sequence[int | str], schema: Json) -> tuple[list[str], list[str]]:
    """The keys of an error's location, without what pydantic puts between them, and the fields of
    the section that holds the last key."""
    keys: list[str] = []
    fields: list[str] = []
    forms = [schema]
    for part in location:
        # The tag of one of the forms of a section, or the mark of a key that is itself invalid.
        tagged = [form for form in forms if len(forms) > 1 and part in _constants(form)]
        if tagged or part == "[key]":
            forms = tagged
            continue
        keys.append(str(part))
        fields = [name for form in forms for name in form.get("properties", ())]
        forms = [
            form
            for section in forms
            for inner in _inside(section, part)
            for form in _forms(inner, schema.get("$defs", {}))
        ]
    return keys, fields


def _constants(form: Json) -> set[Any]:
    return {field.get("const") for field in form.get("properties", {}).values()}


def _inside(form: Json, part: int | str) -> list[Json]:
    """The schemas of what a section or a list may hold at a key or an index."""
    if part in form.get("properties", ()):
        return [form["properties"][part]]
    named = (*form.get("patternProperties", {}).values(), form.get("additionalProperties"))
    items = (*form.get("prefixItems", ())[:1], form.get("items"))
    return [one for one in (*named, *items) if isinstance(one, dict)]


def _forms(schema: Json, definitions: Json) -> list[Json]:
    """The schemas of which a value must fit one."""
    if "$ref" in schema:
        return _forms(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    inner = [one for key in ("anyOf", "oneOf", "allOf") for one in schema.get(key, ())]
    return [form for one in inner for form in _forms(one, definitions)] if inner else [schema]


def value_problems(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """The dotted path and the problem of each value that no key may have, whatever its schema."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from value_problems(inner, f"{path}.{key}" if path else str(key))
    elif problem := _value_problem(value, path.rpartition(".")[2]):
        yield path, problem


def _value_problem(value: Any, key: str) -> str:
    match value:
        case float() if not math.isfinite(value):
            return f"should be a number, not {value}"
        case str() if key in NEEDED and not value.strip():
            return "is empty"
        case str() if key in ASKED_FOR and value.startswith("-"):
            return f"begins with -, as options of commands do: {shown(value)}"
        case str() if NO_TEXT.search(value):
            return "has a control character: remove it"
    return ""
