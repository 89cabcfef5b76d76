"""What a script prints when it cannot go on, and reading its `--settings`."""

import errno
import io
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from ecslm.common.errors import InputError, Problem
from ecslm.common.files import Model, read_text
from ecslm.common.text import shown
from ecslm.common.validation import validated_json

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def problems_told() -> Iterator[None]:
    """End the process after an error that a person can mend, with a line for each problem.

    Text of models and names of files are printed whatever the locale.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        yield
        sys.stdout.flush()
    except InputError as error:
        exit_with(error)
    except BrokenPipeError:
        # Nobody reads any more, as after `| head`. Python would try again when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        what = error.strerror or str(error)
        if error.errno in NO_ROOM:
            what = f"{what}: make room there, or write to another disk"
        exit_with(InputError(Problem(what, path=error.filename or "")))
    except Exception as error:
        # Libraries that are not in Python have errors of their own for full memory and disks.
        if isinstance(error, MemoryError) or "DefaultCPUAllocator" in str(error):
            exit_with(InputError("memory: exhausted: end other programs, or use a larger machine"))
        if f"(os error {errno.ENOSPC})" in str(error):
            exit_with(InputError("the disk is full: make room there, or write to another one"))
        raise
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
        if not argument.lstrip().startswith("{"):
            raise InputError(
                f"{option}: {shown(argument)} is not a JSON object; @{argument} would be the name "
                "of a file"
            )
        text, where = argument, option
    return validated_json(model, text, where)
