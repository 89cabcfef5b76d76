"""Validating values against a type, with one line per problem."""

from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from ecslm.common.errors import InputError, field_problems
from ecslm.common.files import read_json

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


def validated_json(form: type[Value], text: str, where: Path | str) -> Value:
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
