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

# In other words than those of JSON schemas.
SIMPLE = {"boolean": "true or false", "integer": "whole number", "string": "text"}
LIMITS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "above {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "below {}",
}


class Described(GenerateJsonSchema):
    """A JSON schema in which docstrings below fields are their descriptions.

    pydantic would read them from the source in every process that defines the classes, which takes
    a third of a second.
    """

    def model_schema(self, schema: Any) -> dict[str, Any]:
        """The schema of a class."""
        found = super().model_schema(schema)
        for cls in reversed(schema["cls"].__mro__):
            if issubclass(cls, BaseModel):
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
    """The sections of the page, each below the first that leads to it.

    A section is called by its path, with what tells it from others of its place in brackets.
    """

    def __init__(self, definitions: Mapping[str, Json], examples: Mapping[str, str]) -> None:
        self._definitions, self._examples = definitions, dict(examples)
        self._headings: dict[str, str] = {}

    def section(self, schema: Json, above: str = "") -> Iterator[str]:
        """The table of a section, and the sections that it leads to.

        Args:
            above: its heading, and a dot.
        """
        known = len(self._headings)
        rows = ["| key | what it holds | default | meaning |", "|---|---|---|---|"]
        for key, field in schema["properties"].items():
            default = field.get("default")
            cells = (
                f"`{key}`",
                self._words(field, f"{above}{key}"),
                "**needed**" if key in schema.get("required", ()) else _default(default),
                field.get("description", "Selects this form of the section."),
            )
            shown = (" ".join(cell.split()).replace("|", "\\|") for cell in cells)
            rows.append(f"| {' | '.join(shown)} |")
        yield "\n".join(rows)
        for name, heading in [*self._headings.items()][known:]:
            yield f"## `{heading}`"
            yield self._definitions[name].get("description", "")
            if example := self._examples.pop(heading.partition(" (")[0], ""):
                yield f"```yaml\n{example.strip()}\n```"
            yield from self.section(self._definitions[name], f"{heading}.")

    def _words(self, field: Json, path: str) -> str:
        """The values of a field in words; sections that are met first get their headings."""
        match field:
            case {"$ref": reference}:
                name = reference.rpartition("/")[2]
                keys = self._definitions[name]["properties"].items()
                form = "".join(f" ({key}: {one['const']})" for key, one in keys if "const" in one)
                heading = self._headings.setdefault(name, f"{path}{form}")
                # The anchor of a heading, as GitHub makes it.
                kept = re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
                return f"section [{heading}](#{kept})"
            case {"const": value}:
                return _code(value)
            case {"enum": values}:
                return ", ".join(map(_code, values))
            case {"oneOf": forms} | {"anyOf": forms}:
                return " or ".join(self._words(one, path) for one in forms)
            case {"type": "array", "prefixItems": items}:
                return f"list of {len(items)}: {self._words(items[0], path)}"
            case {"type": "array", "items": items}:
                return f"list of: {self._words(items, path)}"
            case {"type": "object"}:
                every = field.get("patternProperties", {"": field.get("additionalProperties")})
                (named,) = every.values()
                return f"by name: {self._words(named, f'{path}.NAME')}"
        limits = [text.format(field[key]) for key, text in LIMITS.items() if key in field]
        kind = str(field["type"])
        return ", ".join([SIMPLE.get(kind, kind), *limits])


def _default(default: Any) -> str:
    if isinstance(default, dict) and default:
        return "its defaults"
    return "none" if default in (None, {}, [], "") else _code(default)


def _code(value: Any) -> str:
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"
