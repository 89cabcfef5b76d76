"""Validating values against a type, with one line per problem, and sealed JSON."""

import json
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from ecslm.common.errors import InputError, field_problems
from ecslm.common.files import Model, json_text, read_json
from ecslm.common.hashing import canonical_json, sha256_of_text

Value = TypeVar("Value")

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


def validated(form: type[Value], value: Any, where: Path | str, line: int | None = None) -> Value:
    """Validate a plain value as `form`: a pydantic model or any other type that pydantic knows.

    Args:
        where: the file or option that the user gave, for messages.

    Raises:
        InputError: the value is not of this form.
    """
    try:
        return TypeAdapter(form).validate_python(value)
    except ValidationError as error:
        raise InputError(*field_problems(error, where, line)) from None


def validated_json(form: type[Value], text: str | bytes, where: Path | str) -> Value:
    """Validate JSON text as `form`; `where` as in `validated`.

    Raises:
        InputError: the text is not JSON or not of this form.
    """
    try:
        return TypeAdapter(form).validate_json(text)
    except ValidationError as error:
        raise InputError(*field_problems(error, where)) from None


def read_model(path: Path, form: type[Value]) -> Value:
    """Read a JSON file and validate it as `form`.

    Raises:
        InputError: the file is missing, not JSON, or not of this form.
    """
    return validated(form, read_json(path), path)


def sealed(value: BaseModel) -> str:
    """A model as JSON text with its own sha256."""
    content = value.model_dump(mode="json")
    return json_text({**content, "sha256": sha256_of_text(canonical_json(content))})


def unsealed(form: type[Model], content: bytes) -> Model:
    """What `sealed` has written; every byte must be right.

    Raises:
        ValueError: it is something else.
    """
    try:
        text = content.decode()
        fields = json.loads(text)
        del fields["sha256"]
        value = form.model_validate(fields)
    except (KeyError, TypeError):
        raise ValueError("no sealed JSON") from None
    if sealed(value) != text:
        raise ValueError("altered")
    return value
