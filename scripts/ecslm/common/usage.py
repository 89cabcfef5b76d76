"""The command line of a script: files that it names, and what is wrong with it in plain words.

Left out of code digests: an edit here computes no result again.
"""

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from ecslm.common.errors import InputError
from ecslm.common.text import nearest, shown

# Messages of argparse about an option, and what is printed instead.
_PLAIN = {
    r"invalid int value: (.*)": r"\1 is not a whole number",
    r"invalid float value: (.*)": r"\1 is not a number",
    r"invalid choice: (.*) \(choose from (.*)\)": r"\1 is unknown: choose one of \2",
    r"expected one argument": "a value must follow",
    r"expected at least one argument": "one or more values must follow",
    r"not allowed with argument (.*)": r"cannot be given together with \1: leave one out",
    r"ignored explicit argument .*": "takes no value",
    r"ambiguous option: \S+ could match (.*)": r"could mean \1: write it out",
}
# The end of the help of scripts whose settings are too long to type.
AS_IN_A_RUN = (
    "In a run the workflow sets these options. `snakemake --cores all --dry-run --forceall "
    "--printshellcmds` prints the command of each job with its settings, to change and run by hand."
)
_REQUIRED = "the following arguments are required: "


def output_file(text: str) -> Path:
    """A file to write, as the type of an option.

    Raises:
        argparse.ArgumentTypeError: it cannot be written there.
    """
    path = _output(text, is_wrong=Path.is_dir, wrong="is a directory; name a file to write")
    # A finished file replaces what is there, be it a link or a device, even /dev/null.
    if path.is_symlink():
        message = f"{text}: is a link to {path.readlink()}: name the file itself, or another one"
        raise argparse.ArgumentTypeError(message)
    if path.exists() and not path.is_file():
        raise argparse.ArgumentTypeError(f"{text}: is a device or a pipe; name a file to write")
    return path


def output_folder(text: str) -> Path:
    """A directory to write files into, which need not exist, as the type of an option.

    Raises:
        argparse.ArgumentTypeError: nothing can be written there.
    """
    return _output(text, is_wrong=Path.is_file, wrong="is a file; name a directory to write into")


def _output(text: str, is_wrong: Callable[[Path], bool], wrong: str) -> Path:
    path = Path(text)
    try:
        if is_wrong(path):
            raise argparse.ArgumentTypeError(f"{text}: {wrong}")
        above = next(folder for folder in (*path.parents, path) if folder.exists())
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text}: {error.strerror}") from None
    if not above.is_dir():
        raise argparse.ArgumentTypeError(f"{text}: {above} is a file, not a directory")
    if not os.access(above, os.W_OK | os.X_OK):
        message = f"{text}: no permission to write into {above}: choose another place"
        raise argparse.ArgumentTypeError(message)
    return path


def speak_plainly(parser: argparse.ArgumentParser) -> None:
    """Make a parser raise its errors, instead of printing usage and exiting with status 2."""

    def error(message: str) -> NoReturn:
        raise InputError(*_problems(parser, message))

    parser.error = error  # type: ignore[method-assign]


def _problems(parser: argparse.ArgumentParser, message: str) -> Iterator[str]:
    if message.startswith(_REQUIRED):
        # One of those that are missing may be misspelt.
        given = [word.partition("=")[0] for word in sys.argv[1:] if word.startswith("--")]
        if unknown := [name for name in given if not parser._get_option_tuples(name)]:
            yield from _unknown(parser, unknown)
            return
        helps = {_name(action): action.help for action in parser._actions}
        for name in message.removeprefix(_REQUIRED).split(", "):
            yield f"{name}: missing: {helps.get(name, 'see --help')}"
        return
    name, found, reason = message.removeprefix("argument ").partition(": ")
    if message.startswith("ambiguous option: "):
        name, reason = message.split()[2], message
    elif not found:
        name, reason = "", message
    for pattern, plain in _PLAIN.items():
        if match := re.fullmatch(pattern, reason, re.DOTALL):
            reason = match.expand(plain)
            break
    yield f"{name}: {reason}" if name else reason


def _name(action: argparse.Action) -> str:
    """An option or argument as argparse calls it."""
    metavar = action.metavar if isinstance(action.metavar, str) else None
    return "/".join(action.option_strings) or metavar or action.dest


def _unknown(parser: argparse.ArgumentParser, names: Iterable[str]) -> Iterator[str]:
    options = [name for action in parser._actions for name in action.option_strings]
    for name in names:
        yield f"{name}: unknown option{nearest(name, options)}"


def refuse(
    parser: argparse.ArgumentParser, arguments: argparse.Namespace, unknown: Sequence[str]
) -> None:
    """Refuse arguments that no option takes, and files to write that are read or written twice.

    Raises:
        InputError: there are any.
    """
    named = [word.partition("=")[0] for word in unknown if word.startswith("-") and word != "-"]
    if named:
        raise InputError(*_unknown(parser, named))
    if unknown:
        raise InputError(f"{unknown[0]!r}: belongs to no option: see --help")
    _refuse_files_named_twice(parser, arguments)


def written_to(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> Path:
    """The folder of the first file that a command line names to be written; if there is none, that
    in which the script runs."""
    values = (
        getattr(arguments, action.dest, None)
        for action in parser._actions
        if action.type in (output_file, output_folder)
    )
    return next((value.parent for value in values if isinstance(value, Path)), Path())


def _refuse_files_named_twice(
    parser: argparse.ArgumentParser, arguments: argparse.Namespace
) -> None:
    taken: dict[str, str] = {}
    # Those that are read come first.
    for action in sorted(parser._actions, key=lambda action: action.type is output_file):
        value = getattr(arguments, action.dest, None)
        for path in value if isinstance(value, list) else [value]:
            if not isinstance(path, Path):
                continue
            other = taken.setdefault(os.path.realpath(path), _name(action))
            if action.type is output_file and other != _name(action):
                raise InputError(f"{_name(action)}: {path} is also {other}: choose another file")


def typed_object(argument: str, option: str) -> str:
    """The JSON object that is the value of an option, as text, which is UTF-8 whatever the locale.

    Raises:
        InputError: it is not UTF-8, or no object: then it may be the name of a file.
    """
    try:
        text = os.fsencode(argument).decode("utf-8")
    except UnicodeError:
        raise InputError(f"{option}: not UTF-8 text") from None
    if not text.lstrip().startswith("{"):
        raise InputError(
            f"{option}: {shown(text)} is not a JSON object; @{text} would be the name of a file"
        )
    return text
