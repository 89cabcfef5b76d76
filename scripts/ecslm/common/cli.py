"""Running a script from the command line, and reading its `--settings`."""

import argparse
import errno
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from ecslm.common.errors import InputError, Problem
from ecslm.common.files import Model, read_text
from ecslm.common.printing import standard_output
from ecslm.common.usage import refuse, speak_plainly, typed_object, written_to
from ecslm.common.validation import validated_json

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def run_script(run: Callable[[argparse.Namespace], None], parser: argparse.ArgumentParser) -> None:
    """Parse the command line and run; an `InputError` exits with 1 and prints a line per problem.

    So does an invalid command line. Ctrl-C and SIGTERM remove temporary files, and print one line.
    """
    speak_plainly(parser)
    arguments = argparse.Namespace()
    try:
        with standard_output():
            arguments, unknown = parser.parse_known_args()
            refuse(parser, arguments, unknown)
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            run(arguments)
    except InputError as error:
        exit_with(error)
    except OSError as error:
        what, path = error.strerror or str(error), error.filename
        if error.errno in NO_ROOM:
            # A library may not say what it was writing.
            path = path or written_to(parser, arguments)
            what = f"{what}: make room there, or write to another disk"
        exit_with(InputError(Problem(what, path=path or "")))
    except KeyboardInterrupt:
        interrupted = InputError("interrupted: run again to continue from what is finished")
        exit_with(interrupted, 128 + signal.SIGINT)


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
        text, where = typed_object(argument, option), option
    return validated_json(model, text, where)
