"""What every script does around its work, once.

A script is a function: its signature gives the options, and its docstring says what they are. A
parameter of a dataclass stands for the fields of it, in the same way. The docstring of the script's
file is the text of `--help`: its first paragraph stands before the options, the others after them.

Left out of code digests: an edit here computes no result again.
"""

import argparse
import errno
import inspect
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, is_dataclass
from functools import partial
from itertools import permutations
from pathlib import Path
from re import MULTILINE, findall, sub
from textwrap import fill
from types import NoneType
from typing import Annotated, Any, Literal, NoReturn, TypeVar, get_args, get_origin

from pydantic import BaseModel

from ecslm.common.environment import installed_versions, require_locked
from ecslm.common.errors import InputError, Problem, exit_with
from ecslm.common.files import json_text, read_settings, write_bytes, write_lines
from ecslm.common.logs import start_log
from ecslm.common.manifests import made_from, manifest_of, require_unchanged, write_manifest
from ecslm.fingerprint.running import planned_code
from ecslm.schemas.paths import TOP
from ecslm.schemas.settings import JobSettings

Function = TypeVar("Function", bound=Callable[..., Any])
# Of a result, whole or by lines, or as JSON.
Content = str | bytes | Iterable[str] | BaseModel

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
# Empty settings: the defaults of their schema.
SETTINGS = "{}"
MANIFEST = "manifest to write: what the result was made from (default: named after the result)"
CODE = "set by a run: digest of the code, which is recorded; other code refuses to run"
LOG = "also write progress to this file, as plain lines"


def output_file(text: str) -> Path:
    """A file to write, as the type of an option.

    Raises:
        argparse.ArgumentTypeError: it is a directory.
    """
    if Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text}: is a directory; name a file to write")
    return Path(text)


OutputFile = Annotated[Path, output_file]
Device = Literal["cpu", "cuda"]


class Origin:
    """What the result of a job is made from, as its manifest says it.

    Attributes:
        manifest: where the option says that the manifest be written.
        fields: what it is going to say.
    """

    def __init__(self, given: argparse.Namespace, libraries: Sequence[str]) -> None:
        """
        Raises:
            InputError: in a run, a library has another version than the lock file says.
        """
        settings = getattr(given, "settings", None)
        used = settings.libraries if isinstance(settings, JobSettings) else libraries
        versions = require_locked(used) if given.code else installed_versions(used)
        self.manifest = given.manifest
        known: BaseModel | dict[str, Any] = settings if isinstance(settings, BaseModel) else {}
        self.fields = made_from([], known, given.code, versions)

    def reads(self, *paths: Path | None) -> None:
        """Note files before they are read: a change from then on is noticed."""
        given = [path for path in paths if path is not None]
        self.fields["inputs"] |= made_from(given, {}, None, {})["inputs"]

    def made_with(self, settings: BaseModel, **others: object) -> None:
        """Note other settings than those of `--settings`, and further fields of the manifest."""
        self.fields |= {"settings": settings.model_dump(mode="json"), **others}

    def writes(self, results: Mapping[Path, Content], manifest: Path | None = None) -> None:
        """Write the results, and last the manifest.

        Args:
            manifest: its path where no option says another; by default that of the first result.

        Raises:
            InputError: what was read has changed since.
        """
        manifest = self.manifest or manifest or manifest_of(next(iter(results)))
        require_unchanged(self.fields)
        for path, content in results.items():
            if isinstance(content, BaseModel):
                content = json_text(content.model_dump(mode="json"))
            if isinstance(content, bytes):
                write_bytes(path, content)
            else:
                write_lines(path, [content] if isinstance(content, str) else content)
        self.wrote(results, manifest)

    def wrote(self, results: Iterable[Path], manifest: Path) -> None:
        """Write the manifest of results that are there.

        Args:
            manifest: its path where no option says another.
        """
        write_manifest(self.manifest or manifest, self.fields, results)


@dataclass(frozen=True)
class job:  # noqa: N801
    """Makes a function the work of a rule's script: what the script does around it.

    The script has `--code`; with a parameter of type `Origin` also `--manifest`. The annotations of
    the function are part of the code's digest.
    """

    libraries: Sequence[str] = ()
    """Those whose versions the manifest records, of a job without settings that say it."""
    log: bool = False
    """Whether there is `--log`."""
    needs: Sequence[str] = ()
    """Fields with a default that the job cannot do without."""

    def __call__(self, function: Function) -> Function:
        """Mark the function."""
        function.__dict__["ritual"] = self
        return function


def run_script(function: Callable[..., int | None]) -> None:
    """Run a function with the options of the command line; it may return the exit status.

    An `InputError` exits with 1 and prints a line per problem. So does an invalid command line.
    Ctrl-C and SIGTERM remove temporary files, and print one line.
    """
    import __main__

    status = None
    with problems_told(), ExitStack() as stack:
        given = command_line(function, __main__.__doc__).parse_args()
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        ritual: job = getattr(function, "ritual", job())
        if ritual.log:
            start_log(given.log_file)
        if planned := getattr(given, "code", None):
            script, settings = Path(__main__.__file__), getattr(given, "settings", None)
            modules = settings.modules() if isinstance(settings, JobSettings) else ()
            given.code = stack.enter_context(planned_code(script, planned, modules))
        status = _call(function, given, ritual)
    if status:
        sys.exit(status)


@contextmanager
def problems_told() -> Iterator[None]:
    """End the process after an error that a person can fix, with a line for each problem."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # Nobody reads any more, as after `| head`. Python would try again when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        interrupted = InputError("interrupted: run again to continue from what is finished")
        exit_with(interrupted, 128 + signal.SIGINT)
    except Exception as error:
        if problems := problems_of(error):
            exit_with(problems)
        raise


def problems_of(error: Exception) -> InputError | None:
    """What a person can do about an error; None if it is one of the code."""
    if isinstance(error, InputError):
        return error
    # Libraries that are not in Python have errors of their own for full memory and disks.
    text, number = str(error), getattr(error, "errno", None)
    if isinstance(error, MemoryError) or "DefaultCPUAllocator" in text:
        return InputError("memory: exhausted: end other programs, or use a larger machine")
    full = number in NO_ROOM or f"(os error {errno.ENOSPC})" in text
    room = ": make room there, or write to another disk" if full else ""
    if isinstance(error, OSError):
        path, what = error.filename or (TOP if full else ""), f"{error.strerror or error}{room}"
        if path and isinstance(error, PermissionError):
            # The file may be one that was to be made.
            at = path if os.path.lexists(path) else Path(path).parent
            what = f"permission denied: `chmod -R u+rwX {at}`, as its owner"
        return InputError(Problem(what, path))
    return InputError(f"{text}{room}") if full else None


def _call(function: Callable[..., Any], given: argparse.Namespace, ritual: job) -> Any:
    words: list[Any] = []
    options: dict[str, Any] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        kind = parameter.annotation
        if kind is Origin:
            words.append(Origin(given, ritual.libraries))
        elif isinstance(kind, type) and is_dataclass(kind):
            words.append(_call(kind, given, ritual))
        elif parameter.kind is parameter.POSITIONAL_ONLY:
            words.append(getattr(given, name))
        else:
            options[name] = getattr(given, name)
    return function(*words, **options)


class _Help(argparse.RawDescriptionHelpFormatter):
    """Paragraphs fill the terminal; lines with an indent, as of examples, stay as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:  # noqa: ARG002
        filled = partial(fill, width=width, break_on_hyphens=False)
        return sub(r"^\S.*(?:\n\S.*)*", lambda found: filled(found[0]), text, flags=MULTILINE)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputError(message.removeprefix("argument "))

    def parse_args(self, *words: Any) -> Any:  # type: ignore[override]
        """Refuse a file to write that is also read, or written twice."""
        given = super().parse_args(*words)
        values = [(one, getattr(given, one.dest, None)) for one in self._actions]
        values += [(one, path) for one, value in values if type(value) is list for path in value]
        files = [(one, value) for one, value in values if isinstance(value, Path)]
        for (one, path), (other, same) in permutations(files, 2):
            if one.type is output_file and path.resolve() == same.resolve():
                self.error(f"--{one.dest}: {path} is also --{other.dest}: choose another file")
        return given


def command_line(function: Callable[..., Any], text: str | None) -> argparse.ArgumentParser:
    """The options of a script.

    Args:
        text: of `--help`.
    """
    before, _, after = (text or "").partition("\n\n")
    ritual: job | None = getattr(function, "ritual", None)
    parser = _Parser(description=before, epilog=after, formatter_class=_Help)
    parameters, needs = inspect.signature(function).parameters, ritual.needs if ritual else ()
    for one, words in _options(function):
        _add_option(parser, one.replace(default=one.empty) if one.name in needs else one, words)
    if ritual is not None:
        if any(one.annotation is Origin for one in parameters.values()):
            parser.add_argument("--manifest", type=output_file, help=MANIFEST)
        if "code" not in parameters:
            parser.add_argument("--code", help=CODE)
        if ritual.log:
            parser.add_argument("--log", type=output_file, dest="log_file", metavar="LOG", help=LOG)
    return parser


def _options(function: Callable[..., Any]) -> Iterator[tuple[inspect.Parameter, str]]:
    """The parameters that are options, each with what it is."""
    kinds = reversed(getattr(function, "__mro__", (function,)))
    docstrings = (inspect.cleandoc(kind.__doc__ or "") for kind in kinds)
    said = "\n".join(text.rpartition("Args:\n")[2] for text in docstrings)
    helps = dict(findall(r"^    (\w+): (.+(?:\n {8}.+)*)", said, MULTILINE))
    for name, parameter in inspect.signature(function).parameters.items():
        kind = parameter.annotation
        if isinstance(kind, type) and is_dataclass(kind):
            yield from _options(kind)
        elif kind is not Origin and name != "log_file":
            yield parameter, " ".join(helps[name].split())


def _add_option(parser: argparse.ArgumentParser, parameter: inspect.Parameter, words: str) -> None:
    """Add an option, or an argument for a parameter that is positional only."""
    name, kind = parameter.name, parameter.annotation
    default = SETTINGS if name == "settings" else parameter.default
    required = default is parameter.empty
    options: dict[str, Any] = {"help": words.replace("%", "%%")}
    if NoneType in get_args(kind):
        kind = get_args(kind)[0]
    if several := get_origin(kind) in (list, Sequence):
        options["nargs"] = "+" if required else "*"
        (kind,) = get_args(kind)
    if kind is bool:
        options["action"] = "store_true"
    elif get_origin(kind) is Literal:
        options["choices"] = get_args(kind)
    elif get_origin(kind) is Annotated:
        options["type"] = kind.__metadata__[0]
    elif isinstance(kind, type) and issubclass(kind, BaseModel):
        options["type"] = partial(read_settings, model=kind)
    else:
        options["type"] = kind
    if not required:
        options["default"] = list(default) if several else default
        if kind is not bool and default not in (None, (), SETTINGS):
            options["help"] += " (default: %(default)s)"
    if parameter.kind is parameter.POSITIONAL_ONLY:
        parser.add_argument(name, **options)
    else:
        options |= {"action": "extend"} if several else {}
        parser.add_argument(f"--{name.replace('_', '-')}", required=required, **options)
