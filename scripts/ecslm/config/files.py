"""Reads the files of a configuration, and reports what is not valid YAML."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from ecslm.common.encodings import encoding_problem
from ecslm.common.errors import InputError, Problem
from ecslm.common.files import require_file
from ecslm.common.text import shown
from ecslm.common.yaml_loader import YAML_LOADER
from ecslm.config.places import Content, Place
from ecslm.config.yaml_keys import key_lines, key_problems

EXAMPLE = "expected keys, as in `study: mine`"


def read_files(files: Sequence[Path]) -> list[Content]:
    """The content of YAML files.

    Raises:
        InputError: a line for each problem of each file: it cannot be read, is not YAML, has no
            keys, or gives a key twice.
    """
    contents: list[Content] = []
    problems: list[Problem] = []
    for path in files:
        try:
            contents.append(_read(path))
        except InputError as error:
            problems += error.details
    if problems:
        raise InputError(*dict.fromkeys(problems))
    return contents


class _Loader(YAML_LOADER):  # type: ignore[misc, valid-type]
    """Reports the line of a value that looks like a number or a date, or has such a tag, but is not
    one.
    """

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """The value of a node."""
        try:
            return super().construct_object(node, deep)
        except (ValueError, OverflowError, LookupError, AttributeError):
            # PyYAML looks into such values without a check.
            problem = f"{shown(node.value)} is no number or date: put it in quotes"
            raise yaml.MarkedYAMLError(None, None, problem, node.start_mark) from None


def _read(path: Path) -> Content:
    name = _name(path)
    text = _text(path, name)
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            raise InputError(Problem(f"is empty: {EXAMPLE}", name))
        if not isinstance(node, yaml.MappingNode):
            line = node.start_mark.line + 1
            raise InputError(Problem(f"{_kind(node)}: {EXAMPLE}", name, line))
        if problems := sorted(key_problems(node)):
            raise InputError(*(Problem(message, name, line) for line, message in problems))
        values = loader.construct_document(node)
        # Only now: keys that an anchor brings have been put in.
        return Content(values, {key: Place(name, line) for key, line in key_lines(node)})
    except yaml.YAMLError as error:
        raise InputError(_not_yaml(error, text, name)) from None
    except RecursionError:
        raise InputError(Problem("is nested too deeply", name)) from None
    finally:
        loader.dispose()


def _name(path: Path) -> str:
    """How a file is called in messages."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _text(path: Path, name: str) -> str:
    require_file(path)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise InputError(Problem("no such file", name)) from None
    except IsADirectoryError:
        raise InputError(Problem("is a directory; expected a file", name)) from None
    except OSError as error:
        raise InputError(Problem(f"cannot be read: {error.strerror}", name)) from None
    if problem := encoding_problem(content):
        raise InputError(Problem(problem, name))
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(Problem("not UTF-8 text: save it as UTF-8", name, line)) from None


def _kind(node: yaml.Node) -> str:
    return "is a list" if isinstance(node, yaml.SequenceNode) else "has no keys"


def _not_yaml(error: yaml.YAMLError, text: str, name: str) -> Problem:
    """What is wrong, and in which line."""
    if not isinstance(error, yaml.MarkedYAMLError):
        # Characters that no text has.
        position = getattr(error, "position", 0)
        line = text.count("\n", 0, position) + 1
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
