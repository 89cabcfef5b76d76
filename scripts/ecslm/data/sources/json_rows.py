"""Rows of JSON Lines and of one JSON list, read a piece at a time."""

import json
import re
from collections.abc import Callable, Iterator
from typing import IO, Any

from ecslm.common.errors import InputError
from ecslm.data.problems import Problems
from ecslm.data.sources.protocol import Row

CHUNK = 1 << 22
SPACE = re.compile(r"\s*")
IN_NUMBERS = frozenset("0123456789.eE+-")
# Longer than any literal or escape that the end of a chunk may cut.
LONGEST_CUT = 16


def line_rows(
    stream: IO[bytes], name: str, problems: Problems, advance: Callable[[int], object]
) -> Iterator[Row]:
    """The rows of JSON Lines; lines that are not objects go to `problems`."""
    for number, line in enumerate(stream, start=1):
        advance(len(line))
        if line.isspace():
            continue
        place = f"line {number}"
        cut = "" if line.endswith(b"\n") else ": is the file truncated?"
        try:
            value = json.loads(line.decode(), object_pairs_hook=_object)
        except UnicodeDecodeError as error:
            message = f"not UTF-8 text ({error.reason}){cut}"
            problems.add("unreadable_row", f"{name}: {place}", message)
        except (ValueError, RecursionError) as error:
            problems.add("unreadable_row", f"{name}: {place}", f"not JSON ({error}){cut}")
        else:
            if isinstance(value, dict):
                yield place, value
            else:
                problems.add("unreadable_row", f"{name}: {place}", "not an object")


def list_rows(
    stream: IO[str], name: str, problems: Problems, advance: Callable[[int], object]
) -> Iterator[Row]:
    """The rows of one JSON list; items that are not objects go to `problems`.

    Raises:
        InputError: the list is not valid JSON, or is incomplete.
        UnicodeDecodeError: the stream is not in its encoding.
    """
    for number, value in enumerate(_list_items(stream, name, advance), start=1):
        if isinstance(value, dict):
            yield f"row {number}", value
        else:
            problems.add("unreadable_row", f"{name}: row {number}", "not an object")


def _list_items(stream: IO[str], name: str, advance: Callable[[int], object]) -> Iterator[Any]:
    """The items of a JSON list, of which only a part is in memory at a time."""
    decode = json.JSONDecoder(object_pairs_hook=_object).raw_decode
    text, at, number, separated = "", 0, 0, False
    # The list's own bracket.
    while not (text := text.lstrip()):
        text = stream.read(CHUNK)
        advance(len(text))
    at = 1
    while True:
        at = _after_space(text, at)
        if number and not separated and text[at : at + 1] == ",":
            at, separated = _after_space(text, at + 1), True
        problem = "the list is incomplete"
        if text[at : at + 1] == "]" and not separated:
            rest = text[at + 1 :] + stream.read()
            if rest.strip():
                raise InputError(f"{name}: more text after the end of the list")
            return
        if at < len(text) and (separated or not number):
            try:
                value, end = decode(text, at)
            except RecursionError:
                raise InputError(f"{name}: row {number + 1}: nested too deeply") from None
            except ValueError as error:
                problem = f"not JSON ({error})"
                position = getattr(error, "pos", 0)
                unterminated = str(error).startswith("Unterminated string")
                if not unterminated and position < len(text) - LONGEST_CUT:
                    raise InputError(f"{name}: row {number + 1}: {problem}") from None
            else:
                # A number that ends with the chunk may continue in the next one.
                if end < len(text) and text[end] not in IN_NUMBERS:
                    yield value
                    at, number, separated = end, number + 1, False
                    continue
        elif at < len(text):
            raise InputError(f"{name}: row {number + 1}: not JSON (a comma is missing before it)")
        # Pieces grow, so that a long item is not decoded from its start again and again.
        chunk = stream.read(max(CHUNK, len(text) - at))
        if not chunk:
            raise InputError(f"{name}: row {number + 1}: {problem}: is the file truncated?")
        advance(len(chunk))
        text, at = text[at:] + chunk, 0


def _after_space(text: str, at: int) -> int:
    match = SPACE.match(text, at)
    assert match is not None, "the pattern also matches the empty string"
    return match.end()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object without duplicate keys, of which `json` would keep the last value."""
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a duplicate key in an object")
    return value
