"""Reads the files of a configuration: values, the line of each key, and what is not valid YAML."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from ecslm.common.errors import InputError, Problem
from ecslm.common.files import encoding_problem
from ecslm.common.yaml_loader import YAML_LOADER
from ecslm.config.places import Content, Place

EXAMPLE = "expected keys, as in `study: mine`"


def read_files(files: Sequence[Path]) -> list[Content]:
    """The content of YAML files.

    Raises:
        InputError: a line for each problem of each file: it cannot be read, is not YAML, has no
            keys, or gives a key twice.
    """
    contents: list[Content] = []
    problems: list[Problem] = []
    here = Path.cwd()
    for path in files:
        name = str(path.relative_to(here) if path.is_relative_to(here) else path)
        try:
            contents.append(_read(_text(path, name), name))
        except InputError as error:
            problems += error.details
    if problems:
        raise InputError(*dict.fromkeys(problems))
    return contents


def _text(path: Path, name: str) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise InputError(Problem("no such file", name)) from None
    except OSError as error:
        raise InputError(Problem(f"cannot be read: {error.strerror}", name)) from None
    if problem := encoding_problem(content):
        raise InputError(Problem(problem, name))
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(Problem("not UTF-8 text: save it as UTF-8", name, line)) from None


def _read(text: str, name: str) -> Content:
    loader = YAML_LOADER(text)
    try:
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            what = "is empty" if node is None else "has no keys"
            line = None if node is None else node.start_mark.line + 1
            raise InputError(Problem(f"{what}: {EXAMPLE}", name, line))
        _refuse_repeated(node, name)
        values = loader.construct_document(node)
        # Only now: keys that an anchor brings have been put in.
        return Content(values, {key: Place(name, line) for key, line in _keys(node)})
    except yaml.YAMLError as error:
        raise InputError(_not_yaml(error, text, name)) from None
    except ValueError as error:
        message = (
            f"not YAML: what looks like a date or a number is none ({error}): put it in quotes"
        )
        raise InputError(Problem(message, name)) from None
    except RecursionError:
        raise InputError(Problem("is nested too deeply", name)) from None
    finally:
        loader.dispose()


def _keys(node: yaml.Node, above: str = "") -> Iterator[tuple[str, int]]:
    """The dotted path of each key and list item, and its line."""
    children: list[tuple[str, yaml.Node, yaml.Node]] = []
    if isinstance(node, yaml.MappingNode):
        children = [(str(key.value), key, value) for key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        children = [(str(number), item, item) for number, item in enumerate(node.value)]
    for name, marked, value in children:
        path = f"{above}{name}"
        yield path, marked.start_mark.line + 1
        yield from _keys(value, f"{path}.")


def _refuse_repeated(root: yaml.Node, name: str) -> None:
    """Refuse keys that are given twice, of which YAML would use the last."""
    first: dict[str, int] = {}
    problems: list[Problem] = []
    for key, line in _keys(root):
        if key in first:
            message = f"{key}: given twice: first in line {first[key]}: leave one of them out"
            problems.append(Problem(message, name, line))
        first.setdefault(key, line)
    if problems:
        raise InputError(*problems)


def _not_yaml(error: yaml.YAMLError, text: str, name: str) -> Problem:
    """What is wrong, and in which line."""
    if not isinstance(error, yaml.MarkedYAMLError):
        # Characters that no text has.
        line = text.count("\n", 0, getattr(error, "position", 0)) + 1
        return Problem("not YAML: a control character: remove it", name, line)
    mark = error.problem_mark or error.context_mark
    lines = text.rstrip().split("\n")
    # If something is missing at the end, YAML names the line after it.
    line = min(1 if mark is None else mark.line + 1, len(lines))
    if re.match(r" *\t", lines[line - 1]):
        return Problem("is indented with a tab: indent with spaces", name, line)
    what = (error.problem or "").removeprefix("but ")
    begins = error.context_mark
    if error.context and error.context.startswith("while") and begins is not None:
        what += f", {error.context} that begins in line {begins.line + 1}"
    return Problem(f"not YAML: {what}", name, line)
