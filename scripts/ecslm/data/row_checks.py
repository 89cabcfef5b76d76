"""Checks of a raw row, by the type of its task's answer and the form of its input."""

import json
import re
from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Any

from ecslm.common.text import shown
from ecslm.data.problems import Kind, RowError
from ecslm.data.settings import RecordForm
from ecslm.schemas.fields import (
    is_nothing,
    is_writable,
    parse_example,
    parse_object,
    parse_options,
)
from ecslm.schemas.task import Answer, InputForm, has_example

TEXTS = ("instruction", "input", "output")
LETTERED = re.compile(r"[A-Z]:")
# Columns that a user's rows may lack, since they are filled in: to see them listed would mislead.
FILLED_IN = ("split", "setting")


def checked_row(row: Mapping[str, Any], form: RecordForm) -> dict[str, Any]:
    """The fields of a record that are those of its row; options are a list, or None.

    Raises:
        RowError: the row cannot become a record.
    """
    missing = [name for name in ("setting", *TEXTS) if not isinstance(row.get(name), str)]
    if missing:
        own = ", ".join(shown(name) for name in row if name not in FILLED_IN)
        fix = f"the row has {own}" if missing[-1] not in row else "write it in quotes, as JSON text"
        raise RowError("missing_field", f"no text in {', '.join(missing)}: {fix}")
    if empty := [name for name in TEXTS if not row[name].strip()]:
        raise RowError("empty_field", f"{empty[0]}: empty")
    options = _parsed("bad_options", "options", parse_options, row.get("options"))
    text, setting = row.get("few_shot_example"), row["setting"]
    if is_nothing(text) == has_example(setting):
        there = "missing, but {} needs one" if is_nothing(text) else "present, but {} has none"
        raise RowError("bad_example", f"few_shot_example: {there.format(setting)}")
    example = None
    if not is_nothing(text):
        example = _parsed("bad_example", "few_shot_example", parse_example, str(text))
    fields = {
        "setting": setting,
        **{name: row[name] for name in TEXTS},
        "options": options,
        "few_shot_example": None if example is None else text,
    }
    for name, value in (*fields.items(), ("few_shot_example", example)):
        if not is_writable(json.dumps(value, ensure_ascii=False)):
            raise RowError("unwritable_text", f"{name}: contains an unpaired surrogate")
    check_output(row["output"], options, form.answer)
    check_input(row["input"], form.input, form.answer, row["output"])
    return fields


def _parsed(kind: Kind, name: str, parse: Any, value: Any) -> Any:
    """What a field means.

    Raises:
        RowError: it means nothing.
    """
    try:
        return parse(value)
    except ValueError as error:
        raise RowError(kind, f"{name}: {error}") from None


def check_input(text: str, form: InputForm, answer: Answer, output: str) -> None:
    """Refuse an input that is not of its task's form. The parsed value is not kept.

    Raises:
        RowError: the input cannot be parsed, or lacks a field that the task is about.
    """
    if form == "list" and not _parsed("bad_input", "input", parse_options, text):
        raise RowError("bad_input", "input: an empty list")
    if form != "object":
        return
    parts = _parsed("bad_input", "input", parse_object, text)
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
        sound = isinstance(entries, list) and all(
            isinstance(entry["attribute"], str) and isinstance(entry["value"], str)
            for entry in entries
        )
    except (ValueError, RecursionError, TypeError, LookupError):
        sound = False
    if not sound or not entries:
        message = "output: not a JSON list of objects, each with texts in attribute and value"
        raise RowError("bad_output", message)
