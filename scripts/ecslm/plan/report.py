"""What the report of a study shows, and the summary that a finished run prints."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from ecslm.common.errors import InputError
from ecslm.common.versions import lock_versions
from ecslm.plan.figures import figures_settings
from ecslm.plan.study import Study
from ecslm.plan.tables import in_report_order, partly_shown, table_context
from ecslm.reports.run_summary import summary
from ecslm.reports.settings import Recipe, ReportSettings
from ecslm.tables.kinds.results import ResultsEntry

# Libraries whose versions the report lists.
LISTED = ("bert-score", "bitsandbytes", "numpy", "peft", "torch", "transformers")


@cache
def report_settings(study: Study) -> ReportSettings:
    """What the report shows of a study."""
    tables: dict[str, Any] = in_report_order(study)
    results = [entry for entry in tables.values() if isinstance(entry, ResultsEntry)]
    tasks = _in_order((task for one in results for task in one.columns), study.test_tasks)
    models = {name: model for name, model in study.settings.models.items() if model.run}
    costs = [entry for entry in tables.values() if entry.kind == "cost"]
    hardware = next((one.hardware for one in costs if one.hardware), None)
    answering = _answering(study, tables)
    return ReportSettings(
        study=study.name,
        title=study.settings.title,
        question=study.settings.question,
        context=table_context(study),
        of_the_paper=study.of_the_paper,
        train_setting=study.settings.train_setting,
        resamples=study.settings.scoring.resamples,
        tables=tuple(tables),
        settings_of={
            name: (entry.setting,) if entry.kind == "results" else tuple(sorted(entry.settings))
            for name, entry in tables.items()
            if entry.kind in ("results", "claims")
        },
        figures=tuple(figures_settings(study).names()),
        tasks=tuple(tasks),
        metrics={task: study.task(task).metric for task in tasks},
        models=tuple(_in_order((name for one in results for name in one.models), models)),
        recipes={
            name: Recipe(base=model.base, precision=model.precision, training=model.training)
            for name, model in study.local_models.items()
            if name in models
        },
        answering=answering,
        hourly=hardware.price if hardware else None,
        currency=next((one.currency for one in costs if one.currency), None),
        timed=any(answering in one.latency for one in costs),
        not_run=tuple(sorted(set(study.settings.models).difference(models))),
        partly_shown=partly_shown(study),
        card=study.described_model is not None,
        samples=study.settings.report.samples,
        versions=lock_versions(LISTED),
    )


def _answering(study: Study, tables: dict[str, Any]) -> str | None:
    """The model that the answer is about: that of the first table of claims, or else a tuned one,
    or one that is not a baseline."""
    claimed = [entry.model for entry in tables.values() if entry.kind == "claims"]
    models = {name: one for name, one in table_context(study).models.items() if one.tasks}
    tuned = sorted(name for name, one in models.items() if one.trained)
    others = sorted(name for name, one in models.items() if not one.learned)
    return next(iter([*claimed, *tuned, *others]), None)


def _in_order(first: Iterable[str], names: Iterable[str]) -> list[str]:
    """The names: those that tables show in the order of the first table, the others sorted. The
    order of keys in the configuration must not matter."""
    known = set(names)
    shown = [name for name in dict.fromkeys(first) if name in known]
    return [*shown, *sorted(known.difference(shown))]


def study_summary(study: Study) -> str:
    """What a finished run prints of the scores, and where the results are.

    Raises:
        InputError: there are no results, or scores were altered.
    """
    results = Path(study.results)
    if not results.is_dir():
        raise InputError(
            f"{results}: no results yet: run the study first, by `make reproduce` and the same "
            "STUDY or CONFIGFILE"
        )
    return summary(study.name, study.settings.settings[0], table_context(study), results)
