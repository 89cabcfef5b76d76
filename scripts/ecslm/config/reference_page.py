"""The JSON schema of the configuration, and the page that explains every key."""

import ast
import inspect
import json
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
    definitions: Mapping[str, Json] = schema["$defs"]
    headings = dict(_headings(schema, "", "", definitions, set()))
    parts = [texts["introduction"], _table(schema, definitions, headings)]
    begun: set[str] = set()
    for name, heading in headings.items():
        path, _, form = heading.partition(", ")
        example = texts["examples"].get(path) if path not in begun else None
        shown = [f"```yaml\n{example.strip()}\n```"] if example else []
        if form and shown:
            said = f"One of the sections below; its key `{form.partition(':')[0]}` says which."
            parts += [f"## `{path}`", said, *shown]
            shown = []
        begun.add(path)
        parts += [f"## `{heading}`", definitions[name].get("description", ""), *shown]
        parts.append(_table(definitions[name], definitions, headings))
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def _headings(
    section: Json, path: str, form: str, definitions: Mapping[str, Json], known: set[str]
) -> Iterator[tuple[str, str]]:
    """Each schema below a section with its heading: the path where it is met first, and, below a
    section that has several forms, in which of them."""
    for key, field in section["properties"].items():
        for below, name, tag in _references(field, f"{path}.{key}".strip(".")):
            if name not in known:
                known.add(name)
                own = f", {tag}: {definitions[name]['properties'][tag]['const']}" if tag else form
                yield name, f"{below}{own}"
                yield from _headings(definitions[name], below, own, definitions, known)


def _references(field: Json, path: str, tag: str = "") -> Iterator[tuple[str, str, str]]:
    """The schemas that a field leads to: the path and the name of each, and the key that tells the
    forms of a section apart."""
    if "$ref" in field:
        yield path, _name(field["$ref"]), tag
    tag = _tag(field)
    for one in (*field.get("anyOf", ()), *field.get("oneOf", ())):
        yield from _references(one, path, tag)
    if field.get("type") == "object":
        yield from _references(_named(field), f"{path}.NAME")
    if isinstance(inner := field.get("items"), dict):
        yield from _references(inner, path)


def _table(section: Json, definitions: Mapping[str, Json], headings: Mapping[str, str]) -> str:
    rows = ["| key | what it holds | default | meaning |", "|---|---|---|---|"]
    for key, field in section["properties"].items():
        default = "**needed**" if key in section.get("required", ()) else _default(field)
        named = [name for _, name, _ in _references(field, "")]
        # A key without words of its own is explained by the section that it leads to.
        leads = definitions[named[0]].get("description", "") if len(named) == 1 else ""
        words = "Selects one of the forms of this section." if "const" in field else leads
        cells = (f"`{key}`", _words(field, headings), default, field.get("description", words))
        words_of = [" ".join(cell.split()).replace("|", "\\|") for cell in cells]
        rows.append(f"| {' | '.join(words_of)} |")
    return "\n".join(rows)


def _words(field: Json, headings: Mapping[str, str]) -> str:
    """The values of a field in words."""
    match field:
        case {"$ref": reference}:
            return _link(headings[_name(reference)])
        case {"const": value}:
            return _code(value)
        case {"enum": values}:
            return _or([_code(value) for value in values])
        case {"oneOf": [first, *_]}:
            return f"{_words(first, headings)} and others, by its `{_tag(field)}`"
        case {"anyOf": forms}:
            return _or([_words(one, headings) for one in forms])
        case {"type": "array", "prefixItems": items}:
            return f"list of {len(items)}: {_words(items[0], headings)}"
        case {"type": "array"}:
            return f"list of: {_words(field['items'], headings)}"
        case {"type": "object"}:
            return f"by name: {_words(_named(field), headings)}"
    limits = [text.format(field[key]) for key, text in LIMITS.items() if key in field]
    return ", ".join([SIMPLE[field["type"]], *limits])


def _tag(field: Json) -> str:
    """The key that tells the forms of a section apart."""
    return str(field.get("discriminator", {}).get("propertyName", ""))


def _named(field: Json) -> Json:
    """The schema of the values of a mapping, whose keys are names."""
    (found,) = (*field.get("patternProperties", {}).values(), field.get("additionalProperties"))[:1]
    return dict(found)


def _name(reference: str) -> str:
    return reference.rpartition("/")[2]


def _link(heading: str) -> str:
    # The anchor of a heading, as GitHub makes it.
    kept = (sign for sign in heading.lower() if sign.isalnum() or sign in "-_ ")
    return f"section [{heading}](#{''.join(kept).replace(' ', '-')})"


def _default(field: Json) -> str:
    default = field.get("default")
    if isinstance(default, dict) and default:
        return "its defaults"
    return "none" if default in (None, {}, [], "") else _code(default)


def _code(value: Any) -> str:
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _or(words: Sequence[str]) -> str:
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))
