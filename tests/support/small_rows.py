"""Small made-up rows of all ten tasks in the form of the release, as many as wanted."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ecslm.common.files import write_jsonl

Row = dict[str, Any]

# The tasks' names in the data, and whether they have records out of domain.
TASKS = {
    "AVE": ("Attribute_Value_Extraction", True),
    "PRP": ("Product_Relation_Prediction", True),
    "PM": ("Product_Matching", False),
    "SA": ("Sentiment_Analysis", True),
    "SR": ("Sequential_Recommendation", True),
    "MPC": ("Multiclass_Product_Classification", False),
    "PSI": ("Product_Substitute_Identification", False),
    "QPR": ("Query_Product_Rank", False),
    "AP": ("Answerability_Prediction", True),
    "AG": ("Answer_Generation", True),
}
DIVERSE = ("Diverse_Instruction",)
BRANDS = ("oakmoor", "firefly", "wildrook")
MOODS = ("very positive", "positive", "neutral", "negative", "very negative")
MATCHES = ("exact match", "substitute", "complement", "irrelevant")
RELATIONS = ("bought together", "viewed together", "similar")
# Relevance of the products of a ranking, in the order of its list.
GRADES = (("E", "I"), ("I", "E"), ("S", "E", "I"), ("E", "C", "S"))
# More than the records of any split, so that no two of them are the same.
OFFSETS = {"train": 0, "val": 100_000, "test_ind": 200_000, "test_ood": 300_000}


def small_rows(
    tasks: Sequence[str] = tuple(TASKS), endings: Sequence[str] = DIVERSE, **sizes: int
) -> Iterator[Row]:
    """Rows of tasks (codes), each sample once under each setting.

    Args:
        endings: of the settings, without their domain.
        sizes: records of a task by `train`, `val`, `test_ind` and `test_ood`.
    """
    for code in tasks:
        name, has_ood = TASKS[code]
        for part, count in sizes.items():
            ood = part == "test_ood"
            if ood and not has_ood:
                continue
            for ending in endings:
                for number in range(OFFSETS[part], OFFSETS[part] + count):
                    given, options, output = _sample(code, number, "rake" if ood else "lamp")
                    example = _example(code, number) if ending.endswith("1-shot") else None
                    yield {
                        "split": part.removesuffix("_ind").removesuffix("_ood"),
                        "task": name,
                        "setting": f"{'OOD' if ood else 'IND'}_{ending}",
                        "instruction": f"Do the task {name} for these goods. Wording {number % 5}.",
                        "input": given if isinstance(given, str) else json.dumps(given),
                        "options": options,
                        "output": output,
                        "few_shot_example": example,
                    }


def write_small_rows(path: Path, labels: Path | None = None, **sizes: int) -> list[Row]:
    """Write rows of all tasks as JSON Lines, and the labels of the rankings; returns the rows."""
    rows = list(small_rows(**sizes))
    write_jsonl(path, rows)
    if labels is not None:
        first = OFFSETS["test_ind"]
        grades = [GRADES[n % 4] for n in range(first, first + sizes["test_ind"])]
        labels.write_text(json.dumps(grades), encoding="utf-8")
    return rows


def _example(code: str, number: int) -> str:
    given, options, output = _sample(code, number % 100 + OFFSETS["val"], "lamp")
    text = given if isinstance(given, str) else json.dumps(given)
    fields = {"input": text, "options": options, "output": output}
    return json.dumps({name: value for name, value in fields.items() if value is not None})


def _lettered(texts: Sequence[str]) -> list[str]:
    return [f"{letter}: {text}" for letter, text in zip("ABCDE", texts, strict=False)]


def _sample(code: str, n: int, kind: str) -> tuple[Any, str | None, str]:
    """Input, options and output of a sample; those of other numbers are others."""
    brand, other, third = (BRANDS[(n + place) % 3] for place in range(3))
    title, rival = f"{brand} {kind}, no. {n}", f"{other} {kind}, {n % 90} cm"
    yes_or_no = ("yes", "no")[n % 2]
    match code:
        case "AVE":
            found = {"attribute": "brand", "value": brand, "source": "product title"}
            wanted = {"product title": title, "target attributes": "Brand"}
            return wanted, None, json.dumps([found])
        case "PRP":
            pair = {"Product 1:": title, "Product 2:": rival}
            return pair, json.dumps(_lettered(RELATIONS)), "ABC"[n % 3]
        case "PM":
            shops = [
                {"title": text, "description": f"a {kind}", "manufacturer": brand, "price": "9.50"}
                for text in (title, title if yes_or_no == "yes" else rival)
            ]
            return {"product 1": shops[0], "product 2": shops[1]}, None, yes_or_no
        case "SA":
            options = _lettered(MOODS)
            return f"My {title}: {MOODS[n % 5]}.", json.dumps(options), options[n % 5]
        case "SR":
            goods = _lettered([f"{name} {kind}" for name in (brand, other, third)])
            return repr([f"1st: {title}", f"2nd: {rival}"]), repr(goods), "ABC"[n % 3]
        case "MPC":
            options = _lettered(MATCHES)
            pair = {"query": f"{kind} {n}", "product title": rival}
            return pair, json.dumps(options), options[n % 4]
        case "PSI":
            return {"query": title, "product": rival}, None, yes_or_no
        case "QPR":
            grades = GRADES[n % 4]
            listed = _lettered([f"{brand} {kind}, grade {grade}" for grade in grades])
            order = sorted(
                "ABC"[: len(grades)], key=lambda one: "ESCI".index(grades[ord(one) - 65])
            )
            return {"query": title, "product list": listed}, None, ",".join(order)
        case "AP" | "AG":
            answer = f"It lasts {n} days."
            asked = {"question": f"How long does this {kind} last?", "document": [answer, title]}
            return asked, None, yes_or_no if code == "AP" else answer
    raise AssertionError(code)
