"""The JSON schema of the configuration, and the page that explains every key."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic._internal._docs_extraction import extract_docstrings_from_cls
from pydantic.json_schema import GenerateJsonSchema

from ecslm.common.files import read_text

TEXTS = Path(__file__).resolve().parents[3] / "resources/configuration_page.yaml"
Json = Mapping[str, Any]

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
HEAD = "| key | what it holds | default | meaning |\n|---|---|---|---|"


class Described(GenerateJsonSchema):
    """A JSON schema in which docstrings below fields are their descriptions.

    By its option `use_attribute_docstrings` pydantic would read them from the source in every
    process that defines the classes, which takes a third of a second.
    """

    def model_schema(self, schema: Any) -> dict[str, Any]:
        """The schema of a class."""
        found = super().model_schema(schema)
        for cls in reversed(schema["cls"].__mro__):
            if issubclass(cls, BaseModel) and cls is not BaseModel:
                for name, words in extract_docstrings_from_cls(cls, use_inspect=True).items():
                    if name in found["properties"]:
                        found["properties"][name]["description"] = words
        return found


def reference_page(schema: Json) -> str:
    """The page, in Markdown.

    Args:
        schema: JSON schema of the whole configuration.

    Raises:
        InputError: its texts cannot be read.
    """
    texts = yaml.safe_load(read_text(TEXTS))
    parts = [texts["introduction"], *_Page(schema["$defs"], texts["examples"]).section(schema)]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


class _Page:
    """The sections of the page, each below the first that leads to it."""

    def __init__(self, definitions: Mapping[str, Json], examples: Mapping[str, str]) -> None:
        self._definitions, self._examples = definitions, dict(examples)
        self._headings: dict[str, str] = {}

    def section(self, schema: Json, above: str = "", form: str = "") -> Iterator[str]:
        """The table of a section, and the sections that it leads to.

        Args:
            above: its path, and a dot.
            form: of a section that has several, or of one below such: which it is.
        """
        known, rows = len(self._headings), [HEAD]
        for key, field in schema["properties"].items():
            default = field.get("default")
            shown = "none" if default in (None, {}, [], "") else _code(default)
            cells = (
                f"`{key}`",
                self._words(field, f"{above}{key}", form),
                "**needed**" if key in schema.get("required", ()) else shown,
                field.get("description") or ("Which form." if "const" in field else "See there."),
            )
            texts = (" ".join(cell.split()).replace("|", r"\|") for cell in cells)
            rows.append(f"| {' | '.join(texts)} |")
        yield "\n".join(rows)
        for name, heading in [*self._headings.items()][known:]:
            path, _, own = heading.partition(", ")
            example = self._examples.pop(path, "")
            if own and example:
                yield f"## `{path}`"
                yield f"One of the sections below; its key `{own.partition(':')[0]}` says which."
            first = f"```yaml\n{example.strip()}\n```" if example else ""
            about = f"## `{heading}`\n\n{self._definitions[name].get('description', '')}"
            yield from (first, about) if own else (about, first)
            yield from self.section(self._definitions[name], f"{path}.", own)

    def _words(self, field: Json, path: str, form: str, tag: str = "") -> str:
        """The values of a field in words; sections that are met first get their headings.

        Args:
            tag: the key that tells the forms of a section apart.
        """
        match field:
            case {"$ref": reference}:
                name = reference.rpartition("/")[2]
                if tag:
                    form = f"{tag}: {self._definitions[name]['properties'][tag]['const']}"
                heading = self._headings.setdefault(name, f"{path}, {form}" if form else path)
                # The anchor of a heading, as GitHub makes it.
                anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
                return f"section [{heading}](#{anchor})"
            case {"const": value}:
                return _code(value)
            case {"enum": values}:
                return ", ".join(map(_code, values))
            case {"oneOf": forms, "discriminator": {"propertyName": tag}}:
                words = [self._words(one, path, form, tag) for one in forms]
                return f"{words[0]} and others, by its `{tag}`"
            case {"anyOf": forms}:
                return " or ".join(self._words(one, path, form) for one in forms)
            case {"type": "array", "prefixItems": items}:
                return f"list of {len(items)}: {self._words(items[0], path, form)}"
            case {"type": "array"}:
                return f"list of: {self._words(field['items'], path, form)}"
            case {"type": "object"}:
                every = field.get("patternProperties", {"": field.get("additionalProperties")})
                (named,) = every.values()
                return f"by name: {self._words(named, f'{path}.NAME', form)}"
        limits = [text.format(field[key]) for key, text in LIMITS.items() if key in field]
        return ", ".join([SIMPLE[field["type"]], *limits])


def _code(value: Any) -> str:
    if isinstance(value, dict):
        return "its defaults"
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"
