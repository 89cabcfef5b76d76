"""The summary that a finished run prints: a few numbers per task, and where the results are."""

from collections.abc import Iterator
from pathlib import Path

from ecslm.reports.plain_tables import aligned
from ecslm.schemas.paths import REPORT_PAGE, REPORT_PDF
from ecslm.tables.model import MISSING, percent_text, score_text
from ecslm.tables.scores import CONSTANT, Measured, Scores
from ecslm.tables.settings import ModelContext, TableContext

HEAD = ("Task", "Metric", "Score", "95 % interval", "Invalid", "Untuned", "Best simple")
# After the name of a simple baseline that is as good as the model.
AS_GOOD = " (!)"
WARNING = "(!) a simple baseline is as good as the model or better, and costs less to use"


def summary(study: str, setting: str, context: TableContext, results: Path) -> str:
    """The summary's text: what has been scored in a setting, and the results that exist.

    Each tuned model is shown beside its base, and all others by themselves.
    """
    scores = Scores(results, context, with_intervals=True, partial=True)
    models = context.models
    tuned = [name for name, one in models.items() if name == one.adapter_of]
    bases = {_untuned(models, name) for name in tuned}
    named = tuned + [
        name
        for name, one in models.items()
        if not (one.tuned or one.learned or one.limits or name in bases)
    ]
    lines: list[str] = []
    for name in named:
        rows = list(_rows(context, scores, setting, name, _untuned(models, name)))
        if rows:
            lines += [name, *aligned([HEAD, *rows], right=range(2, 6)), ""]
    if any(AS_GOOD in line for line in lines):
        lines += [WARNING, ""]
    constants = [line for name in models for line in _constants(context, scores, setting, name)]
    if constants:
        lines += [CONSTANT, *constants, ""]
    if lines:
        title = context.setting_title(setting)
        lines = [f"Study {study}: strict scores, {title}", "", *lines]
    places = {
        "Tables": results / "tables",
        "Report": results / REPORT_PAGE,
        "Report as PDF": results / REPORT_PDF,
        "Exported models": results / "exports",
        "All": results,
    }
    return "\n".join(
        [*lines, *(f"{name}: {place}" for name, place in places.items() if place.exists())]
    )


def _untuned(models: dict[str, ModelContext], tuned: str) -> str | None:
    """The base of a tuned model without its adapter, with free answers and no example."""
    of_base = (
        name
        for name, one in models.items()
        if one.family == models[tuned].family and one.local and name != tuned
        if not (one.tuned or one.learned or one.limits or one.shots)
    )
    return next(of_base, None)


def _rows(
    context: TableContext, scores: Scores, setting: str, model: str, untuned: str | None
) -> Iterator[tuple[str, ...]]:
    for code, task in context.tasks.items():
        own, simple = scores.model(model, code, setting), scores.simple(code, setting)
        if own is None:
            continue
        invalid, base = own.invalid_share(), untuned and scores.model(untuned, code, setting)
        best = f"{_score(simple[1])} {simple[0]}" if simple else MISSING
        beaten = simple and _score(simple[1]) >= _score(own) and _score(own) != MISSING
        interval = own.interval()
        yield (
            code,
            task.metric,
            _score(own),
            f"{score_text(interval.low)}-{score_text(interval.high)}" if interval else MISSING,
            MISSING if invalid is None else f"{percent_text(invalid, 0)} %",
            _score(base) if base else MISSING,
            f"{best}{AS_GOOD if beaten else ''}",
        )


def _score(measured: Measured) -> str:
    value = measured.value("strict")
    return MISSING if value is None else score_text(value)


def _constants(
    context: TableContext, scores: Scores, setting: str, model: str
) -> Iterator[str]:
    """A line for a model whose answers to a task or more are one constant."""
    found = [
        f"{task}: {constant}"
        for task in context.tasks
        if (measured := scores.model(model, task, setting)) and (constant := measured.constant())
    ]
    if found:
        yield f"{model}: {', '.join(found)}"
