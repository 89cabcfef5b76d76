"""Scores, tables and durations in plain words."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ecslm.common.text import shown
from ecslm.common.tidy_rows import TidyRow
from ecslm.tables.model import percent_text, score_text

# Answers (the values) to records with each right answer (the keys), and how many there are.
Confusion = Mapping[str, Mapping[str, int]]


def facts(rows: Iterable[TidyRow], released: bool = True) -> Iterator[tuple[str, Any]]:
    """What is known of a score, in words; a confusion matrix, under `Answers`, as it is.

    Args:
        rows: its tidy rows, those of all protocols.
        released: whether the scorers that ECInstruct's authors have released are of interest.
    """
    by_protocol = {row["protocol"]: row for row in rows}
    strict = by_protocol["strict"]
    details, records, invalid = json.loads(strict["details"]), strict["n"], strict["invalid"]
    if confusion := details.pop("confusion", None):
        yield "Answers", confusion
    yield "Records", f"{records:,}"
    yield "Invalid answers", f"{invalid:,} ({percent_text(invalid / records)} %)"
    cut = strict["truncated"]
    yield "Answers cut off", "not known: no `finish_reason`" if cut is None else f"{cut:,}"
    if strict["distinct"] is not None:
        yield "Different answers", f"{strict['distinct']:,}"
        if (count := strict["most_frequent_count"]) > 1:
            yield "Most frequent answer", f"{shown(strict['most_frequent'])}, {count:,} times"
    if strict["value"] is not None:
        yield "Strict score", score_text(strict["value"])
    if strict["low"] is not None:
        narrow = "" if strict["interval_reliable"] else ", may be too narrow"
        yield "95 % interval", f"{score_text(strict['low'])} to {score_text(strict['high'])}"
        yield "Method", f"{strict['interval_method']}{narrow}"
    of_release, older = (by_protocol.get(one, {}) for one in ("released", "released_2024"))
    same = all(of_release.get(one) == older.get(one) for one in ("value", "invalid"))
    for by, row in (
        ("with the lenient parser", by_protocol.get("lenient", {})),
        ("by the released scorer", of_release if released else {}),
        ("by the 2024 scorer", older if released and not same else {}),
    ):
        if row.get("value") is not None:
            yield f"Score {by}", score_text(row["value"])
    for name, found in details.items():
        if name != "counts":
            words = name.upper() if name in ("mcc", "npv") else name.replace("_", " ").capitalize()
            yield words, _numbers(found)


def _numbers(found: Any) -> str:
    if isinstance(found, Mapping):
        return "; ".join(f"{name} {_numbers(one)}" for name, one in found.items())
    if found is None:
        return "not defined"
    return score_text(found) if isinstance(found, float) else f"{found:,}"


def columns_of(confusion: Confusion) -> list[str]:
    """The columns of a confusion matrix: right answers, others, and unreadable ones last."""
    given = {a for row in confusion.values() for a, count in row.items() if count}
    others = sorted(given.difference(confusion), key=lambda one: (one == "invalid", one))
    return [*confusion, *others]


def plain(text: str) -> str:
    """A text, quoted if it has control characters, which a terminal might interpret."""
    return text if text.isprintable() else repr(text)


def aligned(rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> list[str]:
    """One plain line per row; columns with an index in `right` are right-aligned, others
    left-aligned."""
    columns = [[plain(text) for text in column] for column in zip(*rows, strict=True)]
    for place, texts in enumerate(columns):
        align = str.rjust if place in right else str.ljust
        columns[place] = [align(text, max(map(len, texts))) for text in texts]
    return ["  ".join(row).rstrip() for row in zip(*columns, strict=True)]


def duration(seconds: float) -> str:
    """Seconds in words, for example `14 s`, `6 min 40 s` and `2 h 5 min`."""
    whole = round(max(0.0, seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    minutes = round(whole / 60)
    return f"{minutes // 60} h {minutes % 60} min"
