"""What is known of the scores of a model, a task and a setting, in words."""

from collections.abc import Iterator
from typing import Any

from ecslm.common.text import shown
from ecslm.schemas.metrics_file import SettingScores
from ecslm.tables.model import percent_text, score_text

# Meanings of counts whose names do not explain themselves.
COUNTED = {
    "nv": "no value, answered with none",
    "iv": "no value, answered with one or unreadably",
    "cv": "a value, answered with it",
    "wv": "a value, answered with another or unreadably",
    "nl": "a value, answered with none",
}


def facts(scores: SettingScores) -> Iterator[tuple[str, Any]]:
    """What is known of a score, in words; a confusion matrix, under `Answers`, as it is."""
    strict, answers, details = scores.strict, scores.answers, scores.strict.details
    if confusion := details.of_metric.get("confusion"):
        yield "Answers", confusion
    yield "Records", f"{scores.n:,}"
    yield "Invalid answers", f"{scores.n_invalid:,} ({percent_text(scores.n_invalid / scores.n)} %)"
    cut = scores.n_truncated
    yield "Answers cut off", f"{cut:,}" if cut is not None else "not known: no `finish_reason`"
    if answers is not None:
        yield "Different answers", f"{answers.distinct:,}"
        if answers.count > 1:
            yield "Most frequent answer", f"{shown(answers.most_frequent)}, {answers.count:,} times"
    if strict.defined:
        yield "Strict score", score_text(strict.value)
    if strict.ci95 is not None and details.interval is not None:
        method = details.interval.method
        yield "95 % interval", " to ".join(map(score_text, strict.ci95))
        yield "Method", method + ("" if details.interval.reliable else ", may be too narrow")
    if details.lenient is not None and details.lenient.known is not None:
        yield "Score with the lenient parser", score_text(details.lenient.known)
    older = None if scores.released_2024 == scores.released else scores.released_2024
    for protocol, value in (("released", scores.released), ("2024", older)):
        if value is not None and value.known is not None:
            yield f"Score by the {protocol} scorer", score_text(value.known)
        if value is not None and value.dropped is not None:
            yield f"Answers that the {protocol} scorer drops", f"{value.dropped:,}"
    for name, number in details.of_metric.items():
        if isinstance(number, dict):
            # The matrix has the counts too.
            if not (confusion and name in ("confusion", "counts")):
                yield (
                    _words(name),
                    "; ".join(
                        f"{COUNTED.get(of, of)} {_number(one)}" for of, one in number.items()
                    ),
                )
        else:
            yield _words(name), _number(number)


def _words(name: str) -> str:
    return name.upper() if name in ("mcc", "npv") else name.replace("_", " ").capitalize()


def _number(value: float | int | None) -> str:
    if value is None:
        return "not defined"
    return score_text(value) if isinstance(value, float) else f"{value:,}"
