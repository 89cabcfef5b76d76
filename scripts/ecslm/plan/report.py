"""What the figures, the report and the exports of a study show, and the summary that a finished run
prints."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ecslm.common.environment import lock_versions
from ecslm.common.errors import InputError
from ecslm.data.settings import HubData
from ecslm.exports.settings import ModelCardSettings
from ecslm.figures.settings import DrawnTable, FiguresSettings
from ecslm.plan.inputs import source_of
from ecslm.plan.study import Study
from ecslm.plan.tables import costs_settings, in_report_order, study_context
from ecslm.reports.settings import Recipe, ReportSettings
from ecslm.reports.summaries import run_summary
from ecslm.tables.kinds.claims import ClaimsEntry
from ecslm.tables.kinds.cost import CostEntry
from ecslm.tables.kinds.results import ResultsEntry

# Libraries whose versions the report lists.
LISTED = ("bert-score", "bitsandbytes", "numpy", "peft", "torch", "transformers")


@cache
def figures_settings(study: Study) -> FiguresSettings:
    """What figures show of a study: the first of its results tables, and those whose tuned models
    all differ in the share of their training records."""
    context, tables = study_context(study), list[DrawnTable]()
    for name, entry in in_report_order(study).items():
        if isinstance(entry, ResultsEntry):
            rows = {row: context.models[row] for row in entry.models}
            answering = [row for row, one in rows.items() if {*one.tasks} & {*entry.columns}]
            shares = _by_share(study, answering)
            tuned = {row for row in answering if rows[row].tuned and not rows[row].limits}
            if not tuned <= {row for group in shares for row in group}:
                shares = ()
            if shares or all(one.shares for one in tables):
                # A caption is not drawn.
                drawn = entry.model_copy(update={"caption": ""})
                tables.append(DrawnTable(name=name, entry=drawn, shares=shares))
    shown = context.part(data={"comparable"}, tasks=True, models=True, baselines=True, simple=True)
    return FiguresSettings(tables=tuple(tables), context=shown)


def _by_share(study: Study, names: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Models that differ in nothing but the share of training records, by share in each group."""
    groups: dict[str, dict[float, str]] = {}
    but_share: Any = {"seeds": True, "train_fraction": True, "training": {"train_fraction"}}
    for name in sorted(names):
        if share := study_context(study).models[name].share:
            others = study.model(name).model_dump_json(exclude=but_share)
            groups.setdefault(others, {}).setdefault(share, name)
    found = (tuple(same[share] for share in sorted(same)) for same in groups.values())
    return tuple(group for group in found if len(group) > 1)


@cache
def report_settings(study: Study) -> ReportSettings:
    """What the report shows of a study."""
    settings, context = study.settings, study_context(study)
    tables = in_report_order(study)
    results = [entry for entry in tables.values() if isinstance(entry, ResultsEntry)]
    costs = [entry for entry in tables.values() if isinstance(entry, CostEntry)]
    claims = [entry for entry in tables.values() if isinstance(entry, ClaimsEntry)]
    # What the configuration has in a mapping has no order that may matter: first as tables show it.
    columns = dict.fromkeys(task for entry in results for task in entry.columns)
    tasks = dict.fromkeys([*filter(study.test_tasks.__contains__, columns), *study.test_tasks])
    run = {name for name, model in settings.models.items() if model.run}
    rows = dict.fromkeys(name for entry in results for name in entry.models if name in run)
    # The answer is about the model of the first table of claims, or else about a tuned one, or one
    # that is not a baseline.
    models = {name: one for name, one in sorted(context.models.items()) if one.tasks}
    tuned = (name for name, one in models.items() if one.trained)
    others = (name for name, one in models.items() if not one.learned)
    answering = next(iter([*(one.model for one in claims), *tuned, *others]), None)
    return ReportSettings(
        study=study.name,
        title=settings.title,
        question=settings.question,
        context=context,
        train_setting=settings.train_setting,
        resamples=settings.scoring.resamples,
        tables=tuple(tables),
        settings_of={
            name: (one.setting,) if isinstance(one, ResultsEntry) else tuple(sorted(one.settings))
            for name, one in tables.items()
            if isinstance(one, ResultsEntry | ClaimsEntry)
        },
        figures=tuple(figures_settings(study).names()),
        tasks=tuple(tasks),
        models=(*rows, *sorted(run.difference(rows))),
        recipes={
            name: Recipe(precision=model.precision, training=model.training)
            for name, model in study.local_models.items()
            if name in run
        },
        answering=answering,
        hourly=next((one.hardware.price for one in costs if one.hardware), None),
        currency=next((one.currency for one in costs if one.currency), None),
        timed=answering in costs_settings(study).timed,
        card=study.described_model is not None,
        samples=settings.report.samples,
        versions=lock_versions(LISTED),
    )


def model_card_settings(study: Study, model: str) -> ModelCardSettings:
    """What the card of a model, with its first seed, says of the study."""
    data, context = source_of(study).data, study_context(study)
    return ModelCardSettings(
        model=model,
        seed=study.first_seed(model),
        study=study.settings.title,
        context=context.part(data=True, tasks={*context.models[model].tasks}),
        base_license=study.config.licenses.get(context.models[model].base or ""),
        data_hub_id=data.id if isinstance(data, HubData) else None,
        data_license=data.license,
    )


def study_summary(study: Study) -> str:
    """What a finished run prints of the scores, and where the results are.

    Raises:
        InputError: there are no results, or scores were altered.
    """
    results = Path(study.results)
    if not results.is_dir():
        fix = "run the study first, by `make reproduce` and the same STUDY or CONFIGFILE"
        raise InputError(f"{results}: no results yet: {fix}")
    return run_summary(study.name, study.settings.settings[0], study_context(study), results)
