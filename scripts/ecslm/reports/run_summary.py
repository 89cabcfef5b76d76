"""The summary that a finished run prints: a few numbers per task, and where the results are."""

from collections.abc import Iterator
from pathlib import Path

from ecslm.reports.plain_tables import aligned
from ecslm.schemas.paths import REPORT_PAGE, REPORT_PDF
from ecslm.tables.model import MISSING, percent_text, score_text
from ecslm.tables.notes import SHOWN_DIGITS
from ecslm.tables.scores import Measured, Scores
from ecslm.tables.settings import TableContext

HEAD = ("Task", "Metric", "Score", "95 % interval", "Invalid", "Untuned", "Best simple")
# After a simple baseline that is as good as the model.
AS_GOOD = " (!)"
WARNING = "(!) a simple baseline is as good as the model or better, and costs less to use"
PLACES = {
    **{"Tables": "tables", "Report": REPORT_PAGE, "Report as PDF": REPORT_PDF},
    **{"Exported models": "exports", "All": ""},
}


def summary(study: str, setting: str, context: TableContext, results: Path) -> str:
    """The summary's text: what has been scored in a setting, and the results that exist.

    Each tuned model is shown beside its base, and all others by themselves.
    """
    scores, models = Scores(results, context, partial=True), context.models
    free = {n: one for n, one in models.items() if not (one.tuned or one.learned or one.limits)}
    # Without its adapter and an example.
    plain = {one.family: n for n, one in free.items() if one.local and not one.shots}
    bases = {n: plain.get(one.family) for n, one in models.items() if one.trained}
    lines: list[str] = []
    for name in (*bases, *(one for one in free if one not in bases.values())):
        if rows := list(_rows(context, scores, setting, name, bases.get(name))):
            lines += [name, *aligned([HEAD, *rows], right=range(2, 6)), ""]
    lines += [WARNING, ""] if any(AS_GOOD in line for line in lines) else []
    if lines:
        lines = [f"Study {study}: strict scores, {context.setting_title(setting)}", "", *lines]
    found = {what: results / place for what, place in PLACES.items()}
    return "\n".join([*lines, *(f"{what}: {at}" for what, at in found.items() if at.exists())])


def _rows(
    context: TableContext, scores: Scores, setting: str, model: str, base: str | None
) -> Iterator[tuple[str, ...]]:
    for code, task in context.tasks.items():
        if (own := scores.of(model, code, setting)) is None:
            continue
        name, simple = scores.simple(code, setting) or ("", None)
        value, other, before = map(_strict, (own, simple, scores.of(base, code, setting)))
        interval, invalid, best = own.cell.interval, own.invalid, f"{_score(other)} {name}"
        if value is not None and other is not None:
            best += AS_GOOD * (round(value, SHOWN_DIGITS) <= round(other, SHOWN_DIGITS))
        yield (
            code,
            task.metric,
            _score(value),
            f"{score_text(interval.low)}-{score_text(interval.high)}" if interval else MISSING,
            MISSING if invalid is None else f"{percent_text(invalid, 0)} %",
            _score(before),
            "; ".join(filter(None, [best.strip(), own.constant])),
        )


def _strict(measured: Measured | None) -> float | None:
    return measured.strict if measured else None


def _score(value: float | None) -> str:
    return MISSING if value is None else score_text(value)
