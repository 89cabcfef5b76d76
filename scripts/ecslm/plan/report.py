"""What the report of a study shows, and the summary that a finished run prints."""

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.common.versions import lock_versions
from ecslm.plan.figures import figures_settings
from ecslm.plan.source import source_of
from ecslm.plan.study import Study
from ecslm.plan.tables import in_report_order, partly_shown, table_context
from ecslm.reports.run_summary import Pair, SummarySettings, summary
from ecslm.reports.settings import (
    ReportModel,
    ReportSettings,
    ReportTable,
    ReportTask,
)
from ecslm.tables.entry import Entry
from ecslm.tables.kinds.results import ResultsEntry

# Libraries whose versions the report lists.
LISTED = ("bert-score", "bitsandbytes", "numpy", "peft", "torch", "transformers")


@cache
def report_settings(study: Study) -> ReportSettings:
    """What the report shows of a study."""
    tables, context = in_report_order(study), table_context(study)
    results = [entry for entry in tables.values() if isinstance(entry, ResultsEntry)]
    tasks = _in_order((task for one in results for task in one.columns), study.test_tasks)
    models = [name for name, model in study.settings.models.items() if model.run]
    rows = (name for one in results for name in one.models)
    return ReportSettings(
        study=study.name,
        title=study.settings.title,
        question=study.settings.question,
        data_source=source_of(study).title(),
        comparable=study.settings.published_comparable,
        of_the_paper=study.of_the_paper,
        train_setting=study.settings.train_setting,
        setting_titles=context.setting_titles,
        resamples=study.settings.scoring.resamples,
        tables=tuple(
            ReportTable(name=name, kind=entry.kind, setting=getattr(entry, "setting", None))
            for name, entry in tables.items()
        ),
        figures=tuple(figures_settings(study).names()),
        tasks=tuple(
            ReportTask(
                code=task,
                title=study.task(task).title,
                metric=study.task(task).metric,
                measure=context.tasks[task].metric,
            )
            for task in tasks
        ),
        models=tuple(_report_model(study, name) for name in _in_order(rows, models)),
        judged=_judged(study, tables),
        not_run=tuple(sorted(set(study.settings.models).difference(models))),
        partly_shown=partly_shown(study),
        card=study.described_model is not None,
        baselines=context.baselines,
        samples=study.settings.report.samples,
        versions=lock_versions(LISTED),
    )


def _judged(study: Study, tables: Mapping[str, Entry]) -> tuple[str, ...]:
    """The models that are compared with simple baselines at the beginning of a report: those of
    claims, or else all tuned ones."""
    claimed = (getattr(entry, "model", None) for entry in tables.values())
    named = tuple(dict.fromkeys(name for name in claimed if name is not None))
    return named or tuple(sorted(name for name, model in study.local_models.items() if model.tuned))


def _in_order(first: Iterable[str], names: Iterable[str]) -> list[str]:
    """The names: those that tables show in the order of the first table, the others sorted. The
    order of keys in the configuration must not matter."""
    known = set(names)
    shown = [name for name in dict.fromkeys(first) if name in known]
    return [*shown, *sorted(known.difference(shown))]


def _report_model(study: Study, name: str) -> ReportModel:
    model, local = study.model(name), study.local_models.get(name)
    return ReportModel(
        name=name,
        base=model.base,
        seeds=model.seeds,
        tasks=study.model_tasks(name),
        precision=None if local is None else local.precision,
        training=None if local is None else local.training,
    )


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
    return summary(summary_settings(study), results)


def summary_settings(study: Study) -> SummarySettings:
    """What the summary shows: in-domain results, each tuned model next to the same base untuned,
    with free answers and with valid ones, and the models that do not run here."""
    models = {name: model for name, model in study.settings.models.items() if model.run}
    local = {name: model for name, model in study.local_models.items() if model.run}
    free = {name: model for name, model in local.items() if model.answers == "free"}
    untuned, limited = (
        {
            model.base: name
            for name, model in local.items()
            if model.answers == answers and model.adapter_name(name) is None and not model.shots
        }
        for answers in ("free", "constrained")
    )
    pairs = [
        Pair(tuned=name, untuned=untuned.get(model.base), limited=limited.get(model.base))
        for name, model in free.items()
        if model.tuned
    ] or [Pair(untuned=name) for name in free or local]
    pairs += [
        Pair(elsewhere=name)
        for name, model in models.items()
        if name not in local and not model.LEARNS
    ]
    context = table_context(study)
    return SummarySettings(
        study=study.name,
        settings=study.settings.settings[:1],
        pairs=tuple(pairs),
        context=context.model_copy(
            update={"tasks": {code: task for code, task in context.tasks.items() if task.test}}
        ),
    )
