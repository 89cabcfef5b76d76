"""The summary that a finished run prints: a few numbers per task, and where the results are."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from ecslm.reports.plain_tables import aligned
from ecslm.schemas.paths import REPORT_PAGE, REPORT_PDF
from ecslm.tables.model import MISSING, percent_text, score_text
from ecslm.tables.notes import SHOWN_DIGITS
from ecslm.tables.scores import Measured, Scores
from ecslm.tables.settings import ModelContext, TableContext

HEAD = ("Task", "Metric", "Score", "95 % interval", "Invalid", "Untuned", "Best simple")
# After a simple baseline that is as good as the model.
AS_GOOD = " (!)"
WARNING = "(!) a simple baseline is as good as the model or better, and costs less to use"


def summary(study: str, setting: str, context: TableContext, results: Path) -> str:
    """The summary's text: what has been scored in a setting, and the results that exist.

    Each tuned model is shown beside its base, and all others by themselves.
    """
    scores = Scores(results, context, partial=True)
    bases = {n: _base(context.models, n) for n, one in context.models.items() if one.trained}
    others = (
        n for n, one in context.models.items() if not (one.tuned or one.learned or one.limits)
    )
    lines: list[str] = []
    for name in (*bases, *(one for one in others if one not in bases.values())):
        if rows := list(_rows(context, scores, setting, name, bases.get(name))):
            lines += [name, *aligned([HEAD, *rows], right=range(2, 6)), ""]
    lines += [WARNING, ""] if any(AS_GOOD in line for line in lines) else []
    if lines:
        title = context.setting_title(setting)
        lines = [f"Study {study}: strict scores, {title}", "", *lines]
    places = {"Tables": "tables", "Report": REPORT_PAGE, "Report as PDF": REPORT_PDF}
    places |= {"Exported models": "exports", "All": ""}
    found = {what: results / place for what, place in places.items()}
    return "\n".join([*lines, *(f"{what}: {at}" for what, at in found.items() if at.exists())])


def _base(models: Mapping[str, ModelContext], tuned: str) -> str | None:
    """The base of a tuned model without its adapter, with free answers and no example."""
    family = (one for one in models.items() if one[1].family == models[tuned].family)
    plain = (n for n, one in family if one.local and not (one.tuned or one.limits or one.shots))
    return next(plain, None)


def _rows(
    context: TableContext, scores: Scores, setting: str, model: str, base: str | None
) -> Iterator[tuple[str, ...]]:
    for code, task in context.tasks.items():
        own, simple = scores.of(model, code, setting), scores.simple(code, setting)
        if own is None:
            continue
        invalid, untuned = own.invalid, base and scores.of(base, code, setting)
        best = f"{_score(simple[1])} {simple[0]}" if simple else MISSING
        value, other = own.strict, simple[1].strict if simple else None
        beaten = False
        if value is not None and other is not None:
            beaten = round(value, SHOWN_DIGITS) <= round(other, SHOWN_DIGITS)
        interval, constant = own.cell.interval, own.constant
        yield (
            code,
            task.metric,
            _score(own),
            f"{score_text(interval.low)}-{score_text(interval.high)}" if interval else MISSING,
            MISSING if invalid is None else f"{percent_text(invalid, 0)} %",
            _score(untuned) if untuned else MISSING,
            f"{best}{AS_GOOD if beaten else ''}{f'; {constant}' if constant else ''}",
        )


def _score(measured: Measured) -> str:
    return measured.cell.shown
