"""The summary that a finished run prints: a few numbers per task, and where the results are."""

import textwrap
from collections.abc import Iterator
from pathlib import Path

from pydantic import Field

from ecslm.reports.plain_tables import aligned
from ecslm.reports.simple_as_good import Judged, as_good
from ecslm.schemas.paths import REPORT_PAGE, REPORT_PDF
from ecslm.schemas.settings import Closed
from ecslm.tables.model import MISSING, percent_text, score_text
from ecslm.tables.scores import CONSTANT, Measured, Scores
from ecslm.tables.settings import TableContext

WIDTH = 80


class Pair(Closed):
    """A tuned model, and the same base untuned, with free answers and with answers that are limited
    to valid ones; each may be missing from the study. Or a model that does not run here."""

    tuned: str | None = Field(None, description="Name of the tuned model.")
    untuned: str | None = Field(None, description="Name of the untuned model.")
    limited: str | None = Field(None, description="Name of the untuned model with valid answers.")
    elsewhere: str | None = Field(None, description="Name of a model that does not run here.")

    @property
    def columns(self) -> dict[str, str]:
        """The models, by the heads of their columns."""
        heads = {
            "Untuned": self.untuned,
            "Limited": self.limited,
            "Tuned": self.tuned,
            "Score": self.elsewhere,
        }
        return {head: name for head, name in heads.items() if name is not None}


class SummarySettings(Closed):
    """What the summary shows."""

    study: str = Field(description="Name of the study.")
    settings: tuple[str, ...] = Field(min_length=1, description="Evaluation settings, in order.")
    pairs: tuple[Pair, ...] = Field(description="What is shown side by side, in order.")
    context: TableContext = Field(description="Its models and evaluated tasks, in order.")


def summary(settings: SummarySettings, results: Path) -> str:
    """The summary's text: what has been scored, and the results that exist."""
    scores = Scores(results, settings.context, partial=True)
    lines: list[str] = []
    for setting in settings.settings:
        title = settings.context.setting_title(setting)
        for pair in settings.pairs:
            rows = list(_rows(settings, scores, setting, pair))
            names = ", ".join(pair.columns.values())
            # The first row is the head.
            if len(rows) > 1:
                lines += [f"{names} ({title})", *aligned(rows), ""]
            for sentence in _warning(settings, scores, setting, pair):
                lines += [*textwrap.wrap(f"WARNING: {sentence}", WIDTH), ""]
    if lines:
        title = "strict scores, and in brackets the share of invalid answers"
        lines = [f"Study {settings.study}: {title}", "", *lines]
    constants = [
        line for setting in settings.settings for line in _constants(settings, scores, setting)
    ]
    if constants:
        lines += [CONSTANT, *constants, ""]
    places = {
        "Tables": results / "tables",
        "Report": results / REPORT_PAGE,
        "Report as PDF": results / REPORT_PDF,
        "Exported models": results / "exports",
        "All": results,
    }
    lines += [f"{name}: {place}" for name, place in places.items() if place.exists()]
    return "\n".join(lines)


def _rows(
    settings: SummarySettings, scores: Scores, setting: str, pair: Pair
) -> Iterator[tuple[str, ...]]:
    yield ("Task", "Metric", *pair.columns, "Best simple")
    for code, task in settings.context.tasks.items():
        models = [_shown(scores.model(name, code, setting)) for name in pair.columns.values()]
        simple = scores.simple(code, setting)
        value = simple[1].value("strict") if simple else None
        best = f"{score_text(value)} {simple[0]}" if simple and value is not None else MISSING
        if any(text != MISSING for text in (*models, best)):
            yield code, task.metric, *models, best


def _warning(settings: SummarySettings, scores: Scores, setting: str, pair: Pair) -> list[str]:
    model = pair.tuned or pair.elsewhere
    if model is None:
        return []
    judged = []
    for task in settings.context.tasks:
        measured, simple = scores.model(model, task, setting), scores.simple(task, setting)
        value = measured.value("strict") if measured else None
        other = simple[1].value("strict") if simple else None
        if simple and value is not None and other is not None:
            judged.append(Judged(task, value, simple[0], other))
    return as_good(model, settings.context.setting_title(setting), judged)


def _shown(measured: Measured | None) -> str:
    if measured is None:
        return MISSING
    value, invalid = measured.value("strict"), measured.invalid_share()
    shown = MISSING if value is None else score_text(value)
    return shown if invalid is None else f"{shown} ({percent_text(invalid, 0)} %)"


def _constants(settings: SummarySettings, scores: Scores, setting: str) -> Iterator[str]:
    """A line for each model whose answers to a task or more are one constant."""
    for name in dict.fromkeys(name for pair in settings.pairs for name in pair.columns.values()):
        found = [
            f"{task}: {constant}"
            for task in settings.context.tasks
            if (measured := scores.model(name, task, setting)) and (constant := measured.constant())
        ]
        if found:
            yield f"{name} ({settings.context.setting_title(setting)}): {', '.join(found)}"
