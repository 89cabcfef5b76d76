"""How a script ends that cannot go on, and how it reads its `--settings`."""

import sys
from pathlib import Path
from typing import NoReturn

from ecslm.common.errors import InputError
from ecslm.common.files import Model, read_text
from ecslm.common.text import shown
from ecslm.common.validation import validated_json


def exit_with(error: InputError, status: int = 1) -> NoReturn:
    """Exit and print one line per problem to stderr, without a traceback."""
    for problem in error.problems:
        print(f"error: {problem}", file=sys.stderr)
    sys.exit(status)


def read_settings(argument: str | None, model: type[Model], option: str = "--settings") -> Model:
    """Parse a `--settings` option: JSON or `@file`; None means the defaults of `model`.

    Args:
        option: the name of the option, if it has another.

    Raises:
        InputError: not JSON, an unknown key, or a value out of range.
    """
    if argument is None:
        text, where = "{}", option
    elif argument.startswith("@"):
        text, where = read_text(Path(argument[1:])), argument[1:]
    else:
        if not argument.lstrip().startswith("{"):
            raise InputError(
                f"{option}: {shown(argument)} is not a JSON object; @{argument} would be the name "
                "of a file"
            )
        text, where = argument, option
    return validated_json(model, text, where)
