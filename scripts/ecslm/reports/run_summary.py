"""The summary that a finished run prints: a few numbers per task, and where the results are."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import Field, model_validator

from ecslm.common.manifests import read_result
from ecslm.reports.plain_tables import aligned
from ecslm.schemas.metrics_file import MetricsFile, SettingScores
from ecslm.schemas.paths import REPORT_PAGE, REPORT_PDF, metric_path
from ecslm.schemas.settings import Closed
from ecslm.tables.model import MISSING, percent_text, score_text
from ecslm.tables.scores import CONSTANT, Measured


class SummaryModel(Closed):
    """A model, by what identifies its metrics files."""

    seeds: tuple[int, ...] = Field(min_length=1, description="Seeds of which results exist.")
    tasks: tuple[str, ...] = Field(description="Tasks of which results exist.")


class Pair(Closed):
    """A tuned model, and the same base untuned; either may be missing from the study. Or a model
    that does not run here."""

    tuned: str | None = Field(None, description="Name of the tuned model.")
    untuned: str | None = Field(None, description="Name of the untuned model.")
    elsewhere: str | None = Field(None, description="Name of a model that does not run here.")

    @property
    def columns(self) -> dict[str, str]:
        """The models, by the heads of their columns."""
        heads = {"Untuned": self.untuned, "Tuned": self.tuned, "Score": self.elsewhere}
        return {head: name for head, name in heads.items() if name is not None}


class SummarySettings(Closed):
    """What the summary shows."""

    study: str = Field(description="Name of the study.")
    settings: tuple[str, ...] = Field(min_length=1, description="Evaluation settings, in order.")
    titles: dict[str, str] = Field(
        {}, description="Titles of settings; others are shown by their name."
    )
    tasks: dict[str, str] = Field(description="Display name of each task's metric, in order.")
    models: dict[str, SummaryModel] = Field(description="The models that pairs name.")
    pairs: tuple[Pair, ...] = Field(description="What is shown side by side, in order.")
    baselines: dict[str, tuple[str, ...]] = Field(
        {}, description="Trivial baselines and the tasks that each is defined for."
    )

    @model_validator(mode="after")
    def _known_models(self) -> "SummarySettings":
        named = {name for pair in self.pairs for name in pair.columns.values()}
        if unknown := sorted(named - set(self.models)):
            raise ValueError(f"pairs: not in models: {', '.join(unknown)}")
        return self


def summary(settings: SummarySettings, results: Path) -> str:
    """The summary's text: what has been scored, and the results that exist."""
    lines: list[str] = []
    for setting in settings.settings:
        for pair in settings.pairs:
            rows = _rows(settings, results, setting, pair)
            names = ", ".join(pair.columns.values())
            # The first row is the head.
            if len(rows) > 1:
                lines += [f"{names} ({settings.titles.get(setting, setting)})", *aligned(rows), ""]
    if lines:
        title = "strict scores, and in brackets the share of invalid answers"
        lines = [f"Study {settings.study}: {title}", "", *lines]
    constants = [
        line for setting in settings.settings for line in _constants(settings, results, setting)
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
    settings: SummarySettings, results: Path, setting: str, pair: Pair
) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("Task", "Metric", *pair.columns, "Best trivial")]
    for task, metric in settings.tasks.items():
        models = [
            _model_text(settings, results, name, task, setting) for name in pair.columns.values()
        ]
        trivial = _best_trivial(settings, results, task, setting)
        if any(text != MISSING for text in (*models, trivial)):
            rows.append((task, metric, *models, trivial))
    return rows


def _model_text(
    settings: SummarySettings, results: Path, name: str, task: str, setting: str
) -> str:
    if task not in settings.models[name].tasks:
        return MISSING
    measured = _measured(results, name, settings.models[name].seeds, task, setting)
    if measured is None:
        return MISSING
    value, invalid = measured.value("strict"), measured.invalid_share()
    shown = MISSING if value is None else score_text(value)
    return shown if invalid is None else f"{shown} ({percent_text(invalid, 0)} %)"


def _constants(settings: SummarySettings, results: Path, setting: str) -> Iterator[str]:
    """A line for each model whose answers to a task or more are one constant."""
    for name in dict.fromkeys(name for pair in settings.pairs for name in pair.columns.values()):
        model = settings.models[name]
        found = [
            f"{task}: {constant}"
            for task in settings.tasks
            if task in model.tasks
            and (measured := _measured(results, name, model.seeds, task, setting))
            and (constant := measured.constant())
        ]
        if found:
            yield f"{name} ({settings.titles.get(setting, setting)}): {', '.join(found)}"


def _best_trivial(settings: SummarySettings, results: Path, task: str, setting: str) -> str:
    found = []
    for name, tasks in settings.baselines.items():
        measured = _measured(results, name, (0,), task, setting) if task in tasks else None
        value = measured.value("strict") if measured else None
        if value is not None:
            found.append((value, name))
    if not found:
        return MISSING
    value, name = max(found)
    return f"{score_text(value)} {name}"


def _measured(
    results: Path, name: str, seeds: Sequence[int], task: str, setting: str
) -> Measured | None:
    scores: list[SettingScores] = []
    for seed in seeds:
        path = results / metric_path(name, seed, task)
        if not path.is_file():
            return None
        found = read_result(path, MetricsFile).settings.get(setting)
        if found is None:
            return None
        scores.append(found)
    return Measured(tuple(scores), ())
