"""What the report of a study shows, and the summary that a finished run prints."""

from functools import cache
from pathlib import Path
from typing import Any

from ecslm.common.environment import lock_versions
from ecslm.common.errors import InputError
from ecslm.plan.figures import figures_settings
from ecslm.plan.study import Study
from ecslm.plan.tables import in_report_order, partly_shown, table_context
from ecslm.reports.run_summary import summary
from ecslm.reports.settings import Recipe, ReportSettings
from ecslm.tables.settings import TableContext

# Libraries whose versions the report lists.
LISTED = ("bert-score", "bitsandbytes", "numpy", "peft", "torch", "transformers")


@cache
def report_settings(study: Study) -> ReportSettings:
    """What the report shows of a study."""
    context, tables = table_context(study), dict[str, Any](in_report_order(study))
    kinds: dict[str, list[Any]] = {}
    for entry in tables.values():
        kinds.setdefault(entry.kind, []).append(entry)
    results, costs, claims = (kinds.get(kind, []) for kind in ("results", "cost", "claims"))
    # What the configuration has in a mapping has no order that may matter: first as tables show it.
    columns = dict.fromkeys(task for entry in results for task in entry.columns)
    tasks = [*(one for one in columns if one in study.test_tasks)]
    tasks += sorted(set(study.test_tasks).difference(tasks))
    run = {name for name, model in study.settings.models.items() if model.run}
    rows = dict.fromkeys(name for entry in results for name in entry.models if name in run)
    answering = _answering(context, claims)
    return ReportSettings(
        study=study.name,
        title=study.settings.title,
        question=study.settings.question,
        context=context,
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
        models=(*rows, *sorted(run.difference(rows))),
        recipes={
            name: Recipe(base=model.base, precision=model.precision, training=model.training)
            for name, model in study.local_models.items()
            if name in run
        },
        answering=answering,
        hourly=next((one.hardware.price for one in costs if one.hardware), None),
        currency=next((one.currency for one in costs if one.currency), None),
        judged=bool(claims),
        timed=any(answering in one.latency for one in costs),
        not_run=tuple(sorted(study.settings.models.keys() - run)),
        partly_shown=partly_shown(study),
        card=study.described_model is not None,
        samples=study.settings.report.samples,
        versions=lock_versions(LISTED),
    )


def _answering(context: TableContext, claims: list[Any]) -> str | None:
    """The model that the answer is about: that of the first table of claims, or else a tuned one,
    or one that is not a baseline."""
    models = {name: one for name, one in sorted(context.models.items()) if one.tasks}
    tuned = (name for name, one in models.items() if one.trained)
    others = (name for name, one in models.items() if not one.learned)
    return next(iter([*(one.model for one in claims), *tuned, *others]), None)


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
