"""The JSON schema of the configuration, and the page that explains every key."""

import ast
import inspect
import json
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel
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


class Described(GenerateJsonSchema):
    """A JSON schema in which docstrings below fields are their descriptions.

    pydantic would read them from the source in every process that defines the classes, which takes
    a third of a second.
    """

    def model_schema(self, schema: Any) -> dict[str, Any]:
        """The schema of a class."""
        found = super().model_schema(schema)
        for cls in reversed(schema["cls"].__mro__):
            if issubclass(cls, BaseModel) and cls is not BaseModel:
                (definition,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
                assert isinstance(definition, ast.ClassDef)
                for field, text in pairwise(definition.body):
                    match field, text:
                        case (
                            ast.AnnAssign(target=ast.Name(id=name)),
                            ast.Expr(value=ast.Constant(value=str(words))),
                        ) if name in found["properties"]:
                            found["properties"][name]["description"] = inspect.cleandoc(words)
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
        known, rows = len(self._headings), ["| key | what it holds | default | meaning |"]
        for key, field in schema["properties"].items():
            words = self._words(field, f"{above}{key}", form)
            needed = key in schema.get("required", ())
            default = "**needed**" if needed else _default(field.get("default"))
            cells = (f"`{key}`", words, default, field.get("description") or self._leads_to(field))
            shown = (" ".join(cell.split()).replace("|", "\\|") for cell in cells)
            rows.append(f"| {' | '.join(shown)} |")
        yield "\n".join([rows[0], "|---|---|---|---|", *rows[1:]])
        for name, heading in [*self._headings.items()][known:]:
            path, _, own = heading.partition(", ")
            example = self._examples.pop(path, "").strip()
            shown_first = f"```yaml\n{example}\n```" if example else ""
            if own and example:
                yield f"## `{path}`"
                yield f"One of the sections below; its key `{own.partition(':')[0]}` says which."
                yield shown_first
            yield f"## `{heading}`"
            yield self._definitions[name].get("description", "")
            yield "" if own else shown_first
            yield from self.section(self._definitions[name], f"{path}.", own)

    def _leads_to(self, field: Json) -> str:
        """What a key without words of its own is for."""
        named = set(re.findall(r'"#/\$defs/(\w+)"', json.dumps(field)))
        if "const" in field:
            return "Selects one of the forms of this section."
        return str(self._definitions[named.pop()].get("description", "")) if len(named) == 1 else ""

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
                kept = (sign for sign in heading.lower() if sign.isalnum() or sign in "-_ ")
                return f"section [{heading}](#{''.join(kept).replace(' ', '-')})"
            case {"const": value}:
                return _code(value)
            case {"enum": values}:
                return _or([_code(value) for value in values])
            case {"oneOf": forms, "discriminator": {"propertyName": tag}}:
                words = [self._words(one, path, form, tag) for one in forms]
                return f"{words[0]} and others, by its `{tag}`"
            case {"anyOf": forms}:
                return _or([self._words(one, path, form) for one in forms])
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


def _default(default: Any) -> str:
    if isinstance(default, dict) and default:
        return "its defaults"
    return "none" if default in (None, {}, [], "") else _code(default)


def _code(value: Any) -> str:
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _or(words: Sequence[str]) -> str:
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))
