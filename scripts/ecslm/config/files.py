"""Reads the files of a configuration: values, the line of each key, and what is not valid YAML."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from ecslm.common.errors import InputError, Problem
from ecslm.common.files import read_text
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
        name = path.relative_to(here) if path.is_relative_to(here) else path
        try:
            contents.append(_read(name, str(name)))
        except InputError as error:
            problems += error.details
    if problems:
        raise InputError(*dict.fromkeys(problems))
    return contents


def _read(path: Path, name: str) -> Content:
    text = read_text(path)
    loader = yaml.CSafeLoader(text)
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
    except yaml.MarkedYAMLError as error:
        raise InputError(_not_yaml(error, text, name)) from None
    except (yaml.YAMLError, ValueError) as error:
        # A control character; what looks like a date and is none.
        what = " ".join(str(error).split())
        raise InputError(Problem(f"not YAML ({what}): put such a value in quotes", name)) from None
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


def _not_yaml(error: yaml.MarkedYAMLError, text: str, name: str) -> Problem:
    """What is wrong, and in which line."""
    mark = error.problem_mark or error.context_mark
    lines = text.rstrip().split("\n")
    # If something is missing at the end, YAML names the line after it.
    line = min(1 if mark is None else mark.line + 1, len(lines))
    if re.match(r" *\t", lines[line - 1]):
        return Problem("is indented with a tab: indent with spaces", name, line)
    what = (error.problem or "").removeprefix("but ")
    if error.context and error.context_mark is not None:
        what += f", {error.context} that begins in line {error.context_mark.line + 1}"
    return Problem(f"not YAML: {what}", name, line)
