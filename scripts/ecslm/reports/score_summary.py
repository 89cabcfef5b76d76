"""The summary of one task's scores that score.py prints.

Left out of code digests: an edit here computes no score again.
"""

from collections.abc import Iterator, Mapping, Sequence

from ecslm.common.text import shown
from ecslm.reports.words import aligned, facts
from ecslm.schemas.metrics_file import MetricsFile, OutcomeRow
from ecslm.schemas.prediction import ScoredPrediction

# Widths in the list of invalid answers: at most for the reference, at least for the answer.
MOST_REFERENCE, LEAST_ANSWER = 20, 20


def summary(metrics: MetricsFile) -> str:
    """The content of a metrics file: what is known of each setting, and who was taken for whom."""
    of = "" if metrics.model is None else f" of {_plain(metrics.model)}"
    seed = "" if metrics.seed is None else f", seed {metrics.seed}"
    lines = [f"{_plain(metrics.task)}: {metrics.metric}{of}{seed}"]
    for setting, scores in metrics.settings.items():
        known = dict(facts(scores))
        confusion = known.pop("Answers", {})
        rows = [(f"  {_plain(name)}", _plain(value)) for name, value in known.items()]
        lines += ["", _plain(setting), *aligned(rows)]
        if confusion:
            table = aligned(list(_confusion(confusion)), right=range(1, 1 + len(confusion) + 2))
            lines += ["  Right answers (rows) by answers (columns)", *(f"  {one}" for one in table)]
    return "\n".join(lines)


def _confusion(confusion: Mapping[str, Mapping[str, int]]) -> Iterator[tuple[str, ...]]:
    answers = list(dict.fromkeys([*confusion, *(one for row in confusion.values() for one in row)]))
    yield ("", *map(_plain, answers))
    for right, row in confusion.items():
        yield (_plain(right), *(f"{row.get(answer, 0):,}" for answer in answers))


def invalid_answers(
    predictions: Sequence[ScoredPrediction], outcomes: Sequence[OutcomeRow], width: int
) -> str:
    """The answers that strict could not read, in the order of the file, in lines of `width`."""
    invalid = [p for p, outcome in zip(predictions, outcomes, strict=True) if outcome.invalid]
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


def _plain(text: str) -> str:
    """A name, quoted if it has control characters, which a terminal might interpret."""
    return text if text.isprintable() else repr(text)
