"""Records as users bring them, of each kind of answer."""

import json
from collections.abc import Callable
from typing import Any

Row = dict[str, Any]

FRAUD = "Is this return fraudulent? Answer yes or no."
OPTIONS = ["A: refund", "B: exchange", "C: refuse"]


def row(number: int, **changes: Any) -> Row:
    return {
        "task": "Fraud",
        "instruction": FRAUD,
        "input": f"Return {number}: the tag is missing",
        "output": "no" if number % 3 else "yes",
        **changes,
    }


def _choice(number: int) -> Row:
    return row(number, task="Case", options=OPTIONS, output="ABC"[number % 3])


def _other_options(number: int) -> Row:
    options = [f"A: shop {number}", f"B: shop {number + 1}"]
    return row(number, task="Where", options=json.dumps(options), output="B")


def _ranking(number: int) -> Row:
    products = [f"{letter}: lamp {number}" for letter in "ABC"]
    text = json.dumps({"query": "lamp", "product list": products})
    return row(number, task="Order", input=text, output="B,A,C")


def _extraction(number: int) -> Row:
    text = json.dumps({"text": f"lamp {number}", "target attributes": "colour"})
    found = json.dumps([{"attribute": "colour", "value": "red", "source": "text"}])
    return row(number, task="Colours", input=text, output=found)


def _text(number: int) -> Row:
    return row(number, task="Reply", output=f"Dear customer, thank you for return {number}.")


def _known(number: int) -> Row:
    pair = {"product 1": {"title": f"lamp X{number}"}, "product 2": {"title": f"X{number} lamp"}}
    return row(number, task="PM", input=json.dumps(pair))


KINDS: dict[str, Callable[[int], Row]] = {
    "yes_no": row,
    "choice": _choice,
    "other options": _other_options,
    "ranking": _ranking,
    "extraction": _extraction,
    "generation": _text,
    "known": _known,
}


def lines(rows: list[Row]) -> str:
    return "".join(json.dumps(one) + "\n" for one in rows)
