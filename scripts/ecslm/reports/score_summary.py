"""The summary of one task's scores that score.py prints.

Left out of code digests: an edit here computes no score again.
"""

from collections.abc import Sequence

from ecslm.common.text import shown
from ecslm.reports.words import aligned, answers_in, facts
from ecslm.schemas.metrics_file import MetricsFile, OutcomeRow
from ecslm.schemas.prediction import ScoredPrediction


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
            answers = answers_in(confusion)
            counts = [
                (_plain(x), *(str(row.get(y, 0)) for y in answers)) for x, row in confusion.items()
            ]
            table = aligned(
                [("", *map(_plain, answers)), *counts], right=range(1, 1 + len(answers))
            )
            lines += ["  Right answers (rows) by answers (columns)", *(f"  {one}" for one in table)]
    return "\n".join(lines)


def invalid_answers(predictions: Sequence[ScoredPrediction], outcomes: Sequence[OutcomeRow]) -> str:
    """The answers that strict could not read, in the order of the file; long ones are cut."""
    invalid = [p for p, outcome in zip(predictions, outcomes, strict=True) if outcome.invalid]
    rows = [
        (_plain(p.setting), _plain(p.id), shown(p.reference), shown(p.prediction)) for p in invalid
    ]
    title = f"Answers that strict could not read: {len(invalid):,} of {len(predictions):,}"
    table = aligned([("Setting", "Id", "Reference", "Answer"), *rows]) if rows else []
    return "\n".join([title, "", *table])


def _plain(text: str) -> str:
    """A name, quoted if it has control characters, which a terminal might interpret."""
    return text if text.isprintable() else repr(text)
