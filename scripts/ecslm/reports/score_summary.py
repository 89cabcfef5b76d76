"""The summary of one task's scores that score.py prints.

Left out of code digests: an edit here computes no score again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ecslm.common.text import shown
from ecslm.reports.plain_tables import aligned
from ecslm.schemas.metrics_file import MetricsFile, OutcomeRow, SettingScores
from ecslm.schemas.prediction import ScoredPrediction
from ecslm.tables.model import MISSING, percent_text, score_text
from ecslm.tables.scores import CONSTANT, Measured

INVALID = "invalid"
# With more classes, their scores and confusions are in the metrics file only.
MOST_CLASSES = 6
# Widths in the list of invalid answers: at most for the reference, at least for the answer.
MOST_REFERENCE, LEAST_ANSWER = 20, 20

PROTOCOLS = {
    "Strict": "every record counts; an answer that cannot be read counts as wrong",
    "Lenient": "the same, but the answer may be anywhere in the text",
    "Released": "by the data authors' scorer; it drops unreadable yes/no answers and choices",
    "Released 2024": "by that scorer before its correction in September 2025",
}
NOT_RELIABLE = "(not reliable)"
NOTES = {
    NOT_RELIABLE: "the interval may be too narrow: too few records, or too few that decide",
    MISSING: "not defined",
}
# Meanings of counts whose names do not explain themselves.
COUNTED = {
    "nv": "attributes without a value, answered with none",
    "iv": "attributes without a value, answered with one or unreadably",
    "cv": "attributes with a value, answered with it",
    "wv": "attributes with a value, answered with another or unreadably",
    "nl": "attributes with a value, answered with none",
}

Scores = Mapping[str, SettingScores]
Table = list[tuple[str, ...]]


def summary(metrics: MetricsFile) -> str:
    """The content of a metrics file as tables of plain text."""
    scores = {_plain(name): found for name, found in metrics.settings.items()}
    parts = [
        [_title(metrics)],
        _counts(scores),
        _explained(aligned(_protocols(scores))),
        *_details(scores),
        *_confusions(scores),
    ]
    return "\n\n".join("\n".join(part) for part in parts)


def invalid_answers(
    predictions: Sequence[ScoredPrediction], outcomes: Sequence[OutcomeRow], width: int
) -> str:
    """The answers that strict could not read, in the order of the file, in lines of `width`."""
    invalid = [
        prediction
        for prediction, outcome in zip(predictions, outcomes, strict=True)
        if outcome.invalid
    ]
    title = f"Answers that strict could not read: {len(invalid):,} of {len(predictions):,}"
    if not invalid:
        return title
    rows = [(_plain(p.setting), _plain(p.id), shown(p.reference, MOST_REFERENCE)) for p in invalid]
    places = aligned([("Setting", "Id", "Reference"), *rows])
    taken = max(map(len, places))
    most = max(LEAST_ANSWER, width - taken - 2)
    answers = ["Answer", *(shown(p.prediction, most) for p in invalid)]
    lines = [f"{place:{taken}}  {answer}" for place, answer in zip(places, answers, strict=True)]
    return "\n".join([title, "", *lines])


def _title(metrics: MetricsFile) -> str:
    title = f"{_plain(metrics.task)}: {metrics.metric}"
    if metrics.model is not None:
        title += f" of {_plain(metrics.model)}"
    return title if metrics.seed is None else f"{title}, seed {metrics.seed}"


def _plain(text: str) -> str:
    """A name, quoted if it has control characters, which a terminal might interpret."""
    return text if text.isprintable() else repr(text)


def _counts(scores: Scores) -> list[str]:
    """The numbers of records, and of invalid and truncated answers."""
    rows = [
        (
            name,
            _value(one.n),
            _with_share(one.n_invalid, one.n),
            _value(one.n_truncated),
            _value(None if one.answers is None else one.answers.distinct),
            "" if one.answers is None else f"{percent_text(one.answers.count / one.n)} %",
        )
        for name, one in scores.items()
    ]
    head = ("Setting", "Records", "Invalid", "Truncated", "Distinct", "Most frequent")
    lines = aligned([head, *rows], right=range(1, 6))
    if any(one.n_truncated is None for one in scores.values()):
        lines += ["", f"{MISSING}: not known without `finish_reason`"]
    constants = {name: Measured((one,), ()).constant() for name, one in scores.items()}
    if any(constants.values()):
        lines += ["", CONSTANT, *(f"  {name}: {one}" for name, one in constants.items() if one)]
    return lines


def _with_share(count: int, whole: int) -> str:
    return f"{count:,} ({100 * count / whole:.1f} %)"


def _protocols(scores: Scores) -> Table:
    """The values; those of the older released scorer only if they differ from the present one's."""
    older = any(one.released_2024 != one.released for one in scores.values())
    measured = {name: Measured((one,), ()) for name, one in scores.items()}
    rows = [
        (
            name,
            _value(one.value("strict")),
            _interval(one),
            _value(one.lenient()),
            _value(one.value("released")),
            *([_value(one.value("released_2024"))] if older else []),
        )
        for name, one in measured.items()
    ]
    names = [name for name in PROTOCOLS if older or name != "Released 2024"]
    return [("Setting", names[0], "95 % interval", *names[1:]), *rows]


def _value(value: float | int | None) -> str:
    if value is None:
        return MISSING
    return f"{value:,}" if isinstance(value, int) else score_text(value)


def _interval(measured: Measured) -> str:
    interval = measured.interval()
    if interval is None:
        return MISSING
    text = f"{score_text(interval.low)} to {score_text(interval.high)}"
    return text if interval.reliable else f"{text} {NOT_RELIABLE}"


def _explained(lines: list[str]) -> list[str]:
    """The table of protocols, with the meaning of its columns and marks."""
    head, text = lines[0], "\n".join(lines)
    words = [(f"{name}:", words) for name, words in PROTOCOLS.items() if name in head]
    words += [(f"{mark}:", words) for mark, words in NOTES.items() if mark in text]
    return [*lines, "", *aligned(words)]


def _details(scores: Scores) -> Iterator[list[str]]:
    """A table of the details that are single numbers, and one for each group of numbers."""
    details = {name: one.strict.details.of_metric for name, one in scores.items()}
    yield from _numbers("Details", details)
    for group in dict.fromkeys(key for found in details.values() for key in found):
        if group == "confusion":
            continue
        # The matrix has the counts too.
        if group == "counts" and any("confusion" in found for found in details.values()):
            continue
        parts = {name: found.get(group) for name, found in details.items()}
        groups = {name: part for name, part in parts.items() if isinstance(part, dict)}
        if all(len(part) <= MOST_CLASSES for part in groups.values()):
            yield from _numbers(_words(group).capitalize(), groups)


def _numbers(title: str, details: Mapping[str, Mapping[str, Any]]) -> Iterator[list[str]]:
    """The table of the details that are numbers, in each setting; nothing if there are none."""
    names = dict.fromkeys(
        name
        for found in details.values()
        for name, value in found.items()
        if value is None or isinstance(value, int | float)
    )
    if not names:
        return
    rows = [
        (setting, *(_value(found.get(name)) for name in names))
        for setting, found in details.items()
    ]
    columns = range(1, len(names) + 1)
    lines = aligned([(title, *map(_words, names)), *rows], right=columns)
    notes = [(f"{name}:", COUNTED[name]) for name in names if name in COUNTED]
    yield [*lines, *(["", *aligned(notes)] if notes else [])]


def _words(name: str) -> str:
    return _plain(name).replace("_", " ")


def _confusions(scores: Scores) -> Iterator[list[str]]:
    """A matrix for each setting that has one small enough."""
    for name, one in scores.items():
        matrix = one.strict.details.of_metric.get("confusion")
        if matrix:
            answers = _answers(matrix)
            if len(set(answers) - {INVALID}) <= MOST_CLASSES:
                yield _confusion(name, matrix, answers)


def _answers(matrix: Mapping[str, Mapping[str, int]]) -> list[str]:
    """The classes of the references, then other answers, and unreadable ones last."""
    others = sorted({answer for row in matrix.values() for answer in row} - {*matrix, INVALID})
    return [*matrix, *others, INVALID]


def _confusion(
    setting: str, matrix: Mapping[str, Mapping[str, int]], answers: Iterable[str]
) -> list[str]:
    names = list(answers)
    rows = [
        (reference, *(f"{row.get(answer, 0):,}" for answer in names))
        for reference, row in matrix.items()
    ]
    table = aligned([("", *names), *rows], right=range(1, len(names) + 1))
    return [f"References (rows) by answer (columns), {setting}", *table]
