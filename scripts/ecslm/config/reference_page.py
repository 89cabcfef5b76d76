"""The JSON schema of the configuration, and the page that explains every key."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic._internal._docs_extraction import extract_docstrings_from_cls
from pydantic.json_schema import GenerateJsonSchema

from ecslm.common.files import read_text

TEXTS = Path(__file__).resolve().parents[3] / "resources/configuration_page.yaml"
Json = Mapping[str, Any]

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
    parts = [texts["introduction"], _table(schema)]
    for name, section in schema["$defs"].items():
        example = texts["examples"].get(name, "").strip()
        parts += [f"## {name}", section.get("description", "")]
        parts += [f"```yaml\n{example}\n```"] if example else []
        parts.append(_table(section))
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def _table(section: Json) -> str:
    """The keys of a section."""
    rows = [HEAD]
    for key, field in section["properties"].items():
        default = field.get("default")
        shown = "none" if default in (None, {}, [], "") else _code(default)
        about = field.get("description") or ("Which form." if "const" in field else "See there.")
        needed = key in section.get("required", ())
        cells = [f"`{key}`", _words(field), "**needed**" if needed else shown, about]
        texts = (" ".join(cell.split()).replace("|", r"\|") for cell in cells)
        rows.append(f"| {' | '.join(texts)} |")
    return "\n".join(rows)


def _words(field: Json) -> str:
    """The values of a field."""
    match field:
        case {"$ref": reference}:
            name = reference.rpartition("/")[2]
            return f"[{name}](#{name.lower()})"
        case {"const": value}:
            return _code(value)
        case {"enum": values}:
            return ", ".join(map(_code, values))
        case {"oneOf": forms} | {"anyOf": forms}:
            return " or ".join(map(_words, forms))
        case {"type": "array"}:
            return f"list of: {_words(field.get('prefixItems', [field.get('items')])[0])}"
        case {"type": "object"}:
            every = field.get("patternProperties", {"": field.get("additionalProperties")})
            return f"by name: {' or '.join(map(_words, every.values()))}"
    limits = [text.format(field[key]) for key, text in LIMITS.items() if key in field]
    return ", ".join([field["type"], *limits])


def _code(value: Any) -> str:
    if isinstance(value, dict):
        return "its defaults"
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"
