"""The page that explains every key of the configuration, from the JSON schema."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ecslm.common.files import read_text

EXAMPLES = Path(__file__).resolve().parents[3] / "resources/configuration_examples.yaml"
Json = Mapping[str, Any]

INTRODUCTION = """\
# Every setting

The configuration decides everything that a study does: which records and models it has, how these
are tuned, how answers are scored, which tables are made. `config.yaml` has the studies of this
project. Keys in a file of your own (`make reproduce CONFIGFILE=mine.yaml`) replace those of
`config.yaml`; keys that you leave out stay as they are there. `make new STUDY=mine
DATA=records.jsonl` writes such a file.

This page is generated from the code, and lists all keys, section by section. Keys marked **needed**
must be given; others have the default shown. Keys that are not listed are refused. NAME stands for
a name that you choose. In an editor with a YAML language server, `resources/config.schema.json`
completes and checks the same keys.
"""
SIMPLE = {
    "boolean": "true or false",
    "integer": "whole number",
    "number": "number",
    "string": "text",
    "null": "null",
}
LIMITS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "above {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "below {}",
}
NAMED = "NAME"


@dataclass(frozen=True)
class Section:
    """A section of the page: where it stands in the configuration, and its schemas by heading.

    It has several schemas where one of its keys, `tag`, says which of them holds.
    """

    path: str
    schemas: Mapping[str, Json]
    tag: str | None


def reference_page(schema: Json) -> str:
    """The page, in Markdown.

    Args:
        schema: JSON schema of the whole configuration.

    Raises:
        InputError: the examples cannot be read.
    """
    examples = {
        path: f"```yaml\n{text.strip()}\n```"
        for path, text in yaml.safe_load(read_text(EXAMPLES)).items()
    }
    places: dict[str, str] = {}
    sections = [*_sections("", "", schema, schema["$defs"], places)]
    parts = [INTRODUCTION, examples[""], "## The file", _table(schema, schema, places)]
    for section in sections:
        example = examples.get(section.path, "")
        if section.tag is not None:
            said = f"One of the sections below; its key `{section.tag}` says which."
            parts += [f"## `{section.path}`", said, example]
        for heading, one in section.schemas.items():
            level, own = ("###", "") if section.tag else ("##", example)
            table = _table(one, schema, places)
            parts += [f"{level} `{heading}`", one.get("description", ""), own, table]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def _sections(
    path: str, form: str, schema: Json, definitions: Mapping[str, Json], places: dict[str, str]
) -> Iterator[Section]:
    """The sections below a schema, each where it is met first.

    Args:
        form: of the section, if others have the same path.
        places: gets the heading of each schema.
    """
    for key, field in schema["properties"].items():
        for names, tag, below in _references(field):
            place = ".".join(part for part in (path, key, below) if part)
            new = {name: definitions[name] for name in names if name not in places}
            if not new:
                continue
            if tag is None:
                of = [form if place in places.values() else ""]
            else:
                of = [f", {tag}: {one['properties'][tag]['const']}" for one in new.values()]
            places |= {name: f"{place}{one}" for name, one in zip(new, of, strict=True)}
            yield Section(place, {places[name]: one for name, one in new.items()}, tag)
            for one, inner in zip(of, new.values(), strict=True):
                yield from _sections(place, one, inner, definitions, places)


def _table(section: Json, schema: Json, places: Mapping[str, str]) -> str:
    rows = ["| key | what it holds | default | meaning |", "|---|---|---|---|"]
    for key, field in section["properties"].items():
        default = "**needed**" if key in section.get("required", ()) else _default(field)
        named = [name for names, _, _ in _references(field) for name in names]
        # A key without words of its own is explained by the section that it leads to.
        leads = schema["$defs"][named[0]] if len(named) == 1 else {}
        if "const" in field:
            leads = {"description": "Selects one of the forms of this section."}
        meaning = field.get("description", leads.get("description", ""))
        cells = (f"`{key}`", _words(field, places), default, meaning)
        rows.append(f"| {' | '.join(map(_cell, cells))} |")
    return "\n".join(rows)


def _words(field: Json, places: Mapping[str, str]) -> str:
    """The values of a field in words."""
    match field:
        case {"$ref": reference}:
            return _link(places[_name(reference)])
        case {"const": value}:
            return _code(value)
        case {"enum": values}:
            return _or([_code(value) for value in values])
        case {"allOf": [inner, *_]}:
            return _words(inner, places)
        case {"oneOf": [first, *_]}:
            # All forms stand below one heading.
            place = places[_name(first["$ref"])].partition(",")[0]
            return f"{_link(place)}, by its `{field['discriminator']['propertyName']}`"
        case {"anyOf": forms}:
            return _or([_words(one, places) for one in forms])
        case {"type": "array", "prefixItems": items}:
            return f"list of {len(items)}: {_words(items[0], places)}"
        case {"type": "array"}:
            return f"list of: {_words(field['items'], places)}"
        case {"type": "object"}:
            return f"by name: {_words(_named(field), places)}"
    limits = [text.format(field[key]) for key, text in LIMITS.items() if key in field]
    return ", ".join([SIMPLE[field["type"]], *limits])


def _references(field: Json, below: str = "") -> Iterator[tuple[tuple[str, ...], str | None, str]]:
    """The schemas that a field leads to, the key that tells them apart, and the path below it."""
    if "$ref" in field:
        yield (_name(field["$ref"]),), None, below
    elif "oneOf" in field:
        names = tuple(_name(one["$ref"]) for one in field["oneOf"])
        yield names, field["discriminator"]["propertyName"], below
    for one in (*field.get("anyOf", ()), *field.get("allOf", ())):
        yield from _references(one, below)
    if field.get("type") == "object":
        yield from _references(_named(field), f"{below}.{NAMED}".strip("."))
    if isinstance(inner := field.get("items"), dict):
        yield from _references(inner, below)


def _named(field: Json) -> Json:
    """The schema of the values of a mapping, whose keys are names."""
    (found,) = (*field.get("patternProperties", {}).values(), field.get("additionalProperties"))[:1]
    return dict(found)


def _name(reference: str) -> str:
    return reference.rpartition("/")[2]


def _link(heading: str) -> str:
    return f"section [{heading}](#{_anchor(heading)})"


def _anchor(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    kept = (sign for sign in heading.lower() if sign.isalnum() or sign in "-_ ")
    return "".join(kept).replace(" ", "-")


def _default(field: Json) -> str:
    default = field.get("default")
    if default is None:
        return "none"
    if isinstance(default, dict):
        return "its defaults" if default else "none"
    return _code(default) if default != [] else "none"


def _code(value: Any) -> str:
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _or(words: Sequence[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
