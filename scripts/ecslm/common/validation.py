"""Values of a given form: validated, or refused with one line for each problem."""

from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from ecslm.common.errors import InputError, field_problems
from ecslm.common.files import read_json

Value = TypeVar("Value")


def validated(form: type[Value], value: Any, where: Path | str, line: int | None = None) -> Value:
    """A plain value as `form`: a pydantic model, a dataclass, or another type that pydantic knows.

    Args:
        where: what the user has given, for messages: a file or an option.

    Raises:
        InputError: the value has another form.
    """
    try:
        return TypeAdapter(form).validate_python(value)
    except ValidationError as error:
        raise InputError(*field_problems(error, where, line)) from None


def validated_json(form: type[Value], text: str, where: Path | str) -> Value:
    """JSON text as `form`; `where` as in `validated`.

    Raises:
        InputError: the text is not JSON, or has another form.
    """
    try:
        return TypeAdapter(form).validate_json(text)
    except ValidationError as error:
        raise InputError(*field_problems(error, where)) from None


def read_model(path: Path, form: type[Value]) -> Value:
    """The content of a JSON file as `form`.

    Raises:
        InputError: the file is missing, is not JSON, or has another form.
    """
    return validated(form, read_json(path), path)
