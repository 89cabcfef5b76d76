"""Scores, tables and durations in plain words."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from ecslm.common.text import shown
from ecslm.schemas.metrics_file import SettingScores
from ecslm.tables.model import percent_text, score_text

# Answers (the values) to records with each right answer (the keys), and how many there are.
Confusion = Mapping[str, Mapping[str, int]]


def facts(scores: SettingScores, released: bool = True) -> Iterator[tuple[str, Any]]:
    """What is known of a score, in words; a confusion matrix, under `Answers`, as it is.

    Args:
        released: whether the scorers that ECInstruct's authors have released are of interest.
    """
    strict, answers, interval = scores.strict, scores.answers, scores.strict.details["interval"]
    if confusion := strict.of_metric.get("confusion"):
        yield "Answers", confusion
    yield "Records", f"{scores.n:,}"
    yield "Invalid answers", f"{scores.n_invalid:,} ({percent_text(scores.n_invalid / scores.n)} %)"
    cut = scores.n_truncated
    yield "Answers cut off", "not known: no `finish_reason`" if cut is None else f"{cut:,}"
    if answers is not None:
        yield "Different answers", f"{answers.distinct:,}"
        if answers.count > 1:
            yield "Most frequent answer", f"{shown(answers.most_frequent)}, {answers.count:,} times"
    if strict.defined:
        yield "Strict score", score_text(strict.value)
    if strict.ci95 is not None and interval is not None:
        narrow = "" if interval["reliable"] else ", may be too narrow"
        yield "95 % interval", " to ".join(map(score_text, strict.ci95))
        yield "Method", f"{interval['method']}{narrow}"
    older = None if scores.released_2024 == scores.released else scores.released_2024
    for by, value in (
        ("with the lenient parser", strict.lenient),
        ("by the released scorer", scores.released if released else None),
        ("by the 2024 scorer", older if released else None),
    ):
        if value is not None and value.known is not None:
            yield f"Score {by}", score_text(value.known)
    for name, found in strict.of_metric.items():
        if name not in ("confusion", "counts"):
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
