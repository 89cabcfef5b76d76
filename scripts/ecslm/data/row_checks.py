"""Checks of a raw row, by the type of its task's answer and the form of its input."""

import json
import re
from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Any

from ecslm.common.text import shown
from ecslm.data.problems import RowError
from ecslm.schemas.fields import (
    is_nothing,
    is_writable,
    parse_example,
    parse_list,
    parse_object,
    parse_options,
)
from ecslm.schemas.task import Answer, InputForm, has_example

TEXTS = ("instruction", "input", "output")
LETTERED = re.compile(r"[A-Z]:")
# Columns that a user's rows may lack, since they are filled in: to see them listed would mislead.
FILLED_IN = ("split", "setting")


def check_texts(row: Mapping[str, Any]) -> None:
    """Refuse a row that lacks a text.

    Raises:
        RowError: a column has no text, empty text, or text that UTF-8 cannot encode.
    """
    missing = [name for name in ("setting", *TEXTS) if not isinstance(row.get(name), str)]
    if missing:
        own = ", ".join(shown(name) for name in row if name not in FILLED_IN)
        fix = f"the row has {own}" if missing[-1] not in row else "write it in quotes, as JSON text"
        raise RowError("missing_field", f"no text in {', '.join(missing)}: {fix}")
    for name in TEXTS:
        if not row[name].strip():
            raise RowError("empty_field", f"{name}: empty")
        _require_writable(name, row[name])


def _require_writable(name: str, *texts: str) -> None:
    if not all(map(is_writable, texts)):
        raise RowError("unwritable_text", f"{name}: contains an unpaired surrogate")


def checked_options(value: Any) -> list[str] | None:
    """The options of a row as a list, None where there are none.

    Raises:
        RowError: the value is not a list of texts.
    """
    try:
        options = parse_options(value)
    except ValueError as error:
        raise RowError("bad_options", f"options: {error}") from None
    _require_writable("options", *(options or ()))
    return options


def checked_example(value: Any, setting: str) -> str | None:
    """The example as in the data, after a check of the fields that the prompt uses.

    Raises:
        RowError: the value is not an example, a 1-shot row has none, or another row has one.
    """
    if is_nothing(value) == has_example(setting):
        there = "missing, but {} needs one" if is_nothing(value) else "present, but {} has none"
        raise RowError("bad_example", f"few_shot_example: {there.format(setting)}")
    if is_nothing(value):
        return None
    if not isinstance(value, str):
        raise RowError("bad_example", "few_shot_example: not text")
    try:
        example = parse_example(value)
    except ValueError as error:
        raise RowError("bad_example", f"few_shot_example: {error}") from None
    _require_writable("few_shot_example", value, json.dumps(example, ensure_ascii=False))
    return value


def check_input(text: str, form: InputForm, answer: Answer, output: str) -> None:
    """Refuse an input that is not of its task's form. The parsed value is not kept.

    Raises:
        RowError: the input cannot be parsed, or lacks a field that the task is about.
    """
    try:
        if form == "list" and not parse_options(parse_list(text)):
            raise ValueError("an empty list")
        parts = parse_object(text) if form == "object" else None
    except ValueError as error:
        raise RowError("bad_input", f"input: {error}") from None
    if parts is None:
        return
    if answer == "extraction" and not isinstance(parts.get("target attributes"), str):
        raise RowError("bad_input", "input: no text in `target attributes`")
    if answer == "ranking":
        _check_products(parts.get("product list"), output)


def check_output(output: str, options: Sequence[str] | None, answer: Answer) -> None:
    """Refuse an output that no answer could match.

    Raises:
        RowError: the output or the options are not what the type of answer needs.
    """
    match answer:
        case "choice":
            _check_choice(output, options)
        case "yes_no":
            if output not in ("yes", "no"):
                raise RowError(
                    "bad_output", f"output: {shown(output)} is neither yes nor no, in lower case"
                )
        case "ranking":
            letters = output.split(",")
            if sorted(letters) != list(ascii_uppercase[: len(letters)]):
                message = f"output: {shown(output)} is not a permutation of the letters A, B, ..."
                raise RowError("bad_output", message)
        case "extraction":
            _check_entries(output)


def _check_choice(output: str, options: Sequence[str] | None) -> None:
    if options is None:
        raise RowError("bad_options", "options: missing, but the task chooses among options")
    letters = {option[0] for option in options if LETTERED.match(option)}
    if len(letters) != len(options):
        message = "options: each needs a letter of its own and a colon, as in `A: ...`"
        raise RowError("bad_options", message)
    if output not in letters and output not in options:
        message = f"output: {shown(output)} is neither an option nor an option's letter"
        raise RowError("answer_not_in_options", message)


def _check_products(products: Any, output: str) -> None:
    if not isinstance(products, list):
        raise RowError("bad_input", "input: no list in `product list`")
    for letter, product in zip(ascii_uppercase, products, strict=False):
        if not isinstance(product, str) or not product.startswith(f"{letter}:"):
            message = f"input: product {letter} of `product list` does not begin with `{letter}:`"
            raise RowError("bad_input", message)
    count = output.count(",") + 1
    if len(products) != count:
        message = f"output: {shown(output)} ranks {count} of {len(products)} products"
        raise RowError("answer_not_in_options", message)


def _check_entries(output: str) -> None:
    try:
        entries = json.loads(output)
        sound = bool(entries) and all(
            isinstance(entry["attribute"], str) and isinstance(entry["value"], str)
            for entry in entries
        )
    except (ValueError, RecursionError, TypeError, LookupError):
        sound = False
    if not sound or not isinstance(entries, list):
        message = "output: not a JSON list of objects, each with texts in attribute and value"
        raise RowError("bad_output", message)
