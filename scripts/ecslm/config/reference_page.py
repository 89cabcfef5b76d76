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
    """A section of the page: where it stands in the configuration, and its schemas.

    It has several where one of its keys, `tag`, says which of them holds.
    """

    path: str
    names: tuple[str, ...]
    tag: str | None
    within: str = ""
    """The form of the section above, if sections of several forms have the same path."""

    def headings(self, definitions: Mapping[str, Json]) -> list[str]:
        """A heading for each schema."""
        if self.tag is None:
            return [f"{self.path}{self.within}"]
        values = (definitions[name]["properties"][self.tag]["const"] for name in self.names)
        return [f"{self.path}, {self.tag}: {value}" for value in values]


def reference_page(schema: Json) -> str:
    """The page, in Markdown.

    Args:
        schema: JSON schema of the whole configuration.

    Raises:
        InputError: the examples cannot be read.
    """
    return _Page(schema, yaml.safe_load(read_text(EXAMPLES))).text()


class _Page:
    """The page in the making: sections in the order in which keys lead to them."""

    def __init__(self, schema: Json, examples: Mapping[str, str]) -> None:
        self._schema, self._examples = schema, examples
        self._definitions: Mapping[str, Json] = schema["$defs"]
        self._places: dict[str, str] = {}
        """The heading of each schema that the page has."""
        self._sections: list[Section] = []
        self._collect("", schema)

    def text(self) -> str:
        parts = [INTRODUCTION, self._example("")]
        parts += ["## The file", self._table(self._schema)]
        for section in self._sections:
            parts += self._section(section)
        return "\n\n".join(part.strip() for part in parts if part) + "\n"

    def _collect(self, path: str, schema: Json, within: str = "") -> None:
        """Find the sections below a schema, each where it is met first."""
        for key, field in schema["properties"].items():
            for names, tag, below in _references(field):
                new = tuple(name for name in names if name not in self._places)
                place = ".".join(part for part in (path, key, below) if part)
                if not new:
                    continue
                taken = place in self._places.values()
                section = Section(place, new, tag, within if taken else "")
                self._sections.append(section)
                headings = section.headings(self._definitions)
                self._places |= dict(zip(new, headings, strict=True))
                for name, heading in zip(new, headings, strict=True):
                    self._collect(place, self._definitions[name], heading.removeprefix(place))

    def _section(self, section: Section) -> Iterator[str]:
        several = len(section.names) > 1
        if several:
            yield f"## `{section.path}`"
            yield f"One of the sections below; its key `{section.tag}` says which."
            yield self._example(section.path)
        for name, heading in zip(section.names, section.headings(self._definitions), strict=True):
            definition = self._definitions[name]
            yield f"{'###' if several else '##'} `{heading}`"
            yield str(definition.get("description", ""))
            if not several:
                yield self._example(section.path)
            yield self._table(definition)

    def _example(self, path: str) -> str:
        return f"```yaml\n{self._examples[path].strip()}\n```" if path in self._examples else ""

    def _table(self, schema: Json) -> str:
        rows = ["| key | what it holds | default | meaning |", "|---|---|---|---|"]
        needed = schema.get("required", ())
        for key, field in schema["properties"].items():
            default = "**needed**" if key in needed else _default(field)
            cells = (f"`{key}`", self._words(field), default, self._meaning(field))
            rows.append(f"| {' | '.join(map(_cell, cells))} |")
        return "\n".join(rows)

    def _meaning(self, field: Json) -> str:
        """What a key is for; else what the section says that it leads to."""
        if "description" in field:
            return str(field["description"])
        named = [name for names, _, _ in _references(field) for name in names]
        if len(named) == 1:
            return str(self._definitions[named[0]].get("description", ""))
        return "Selects one of the forms of this section." if "const" in field else ""

    def _words(self, field: Json) -> str:
        """The values of a field in words."""
        if "$ref" in field:
            return _link(self._places[_name(field["$ref"])])
        if "const" in field:
            return _code(field["const"])
        if "enum" in field:
            return _or([_code(value) for value in field["enum"]])
        if "allOf" in field:
            return self._words(field["allOf"][0])
        if "oneOf" in field:
            # All forms stand below one heading.
            place = self._places[_name(field["oneOf"][0]["$ref"])].partition(",")[0]
            return f"{_link(place)}, by its `{field['discriminator']['propertyName']}`"
        if "anyOf" in field:
            return _or([self._words(one) for one in field["anyOf"]])
        if field.get("type") == "array":
            if "prefixItems" in field:
                return (
                    f"list of {len(field['prefixItems'])}: {self._words(field['prefixItems'][0])}"
                )
            return f"list of: {self._words(field['items'])}"
        if field.get("type") == "object":
            return f"by name: {self._words(_named(field))}"
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
