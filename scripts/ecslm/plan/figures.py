"""What the figures of a study show."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from ecslm.config.models import LearnedModel
from ecslm.figures.settings import DrawnTable, FiguresSettings
from ecslm.plan.study import Study
from ecslm.plan.tables import in_report_order, table_context


@cache
def figures_settings(study: Study) -> FiguresSettings:
    """What figures show of a study: the first of its results tables, and those whose tuned models
    all differ in the number of their training records.

    Published rows are shown where they can be compared, and models whose answers are limited to
    valid ones are not, since these never compete with free answers.
    """
    context = table_context(study)
    tables: list[DrawnTable] = []
    for name, entry in in_report_order(study).items():
        if entry.kind == "results":
            drawn = _drawn(study, name, entry)
            if drawn.shares or all(one.shares for one in tables):
                tables.append(drawn)
    named = {row for table in tables for row in table.rows}
    return FiguresSettings(
        tables=tuple(tables),
        tasks=context.tasks,
        models={
            # What is not drawn changes no figure.
            name: model.model_copy(update={"prices": None, "adapter": None})
            for name, model in context.models.items()
            if name in named or model.trained
        },
        simple=tuple(sorted(context.simple)),
    )


def _drawn(study: Study, name: str, entry: Any) -> DrawnTable:
    """What is drawn of a results table."""
    rows = dict(_rows(study, entry))
    models = {row: one for row, one in table_context(study).models.items() if row in rows}
    answering = [row for row, one in models.items() if set(one.tasks).intersection(entry.columns)]
    groups = _by_share(study, answering)
    tuned = {row for row in answering if models[row].tuned}
    return DrawnTable(
        name=name,
        setting=entry.setting,
        tasks=entry.columns,
        rows=tuple(rows),
        published={row: printed for row, printed in rows.items() if printed is not None},
        published_table=entry.published_table,
        shares=groups if tuned <= {row for group in groups for row in group} else (),
        computation=len({models[row].multiplied for row in answering} - {None}) > 1,
    )


def _rows(study: Study, entry: Any) -> Iterator[tuple[str, str | None]]:
    """The rows of a results table; of a published one, with its name there."""
    models, comparable = table_context(study).models, study.settings.published_comparable
    for group in entry.rows:
        chosen_from = (model for names in group.best_of.values() for model in names)
        for row in (*group.models, *chosen_from, *group.baselines):
            if row not in models or models[row].limits is None:
                yield row, None
            if group.followed_by_published and comparable:
                printed = entry.reproduces.get(row, row)
                yield f"{printed} (published)", printed
        for row in group.published if comparable else ():
            yield f"{row} (published)" if row in models else row, row


def _by_share(study: Study, names: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Models that differ in nothing but the share of training records, by share in each group."""
    groups: dict[str, dict[float, str]] = {}
    for name in sorted(names):
        model = study.model(name)
        if isinstance(model, LearnedModel) and table_context(study).models[name].records_of:
            groups.setdefault(model.method, {}).setdefault(model.train_fraction, name)
        elif model.training is not None:
            training = model.training.model_copy(update={"train_fraction": 1.0})
            others = model.model_copy(update={"training": training, "seeds": ()})
            same = groups.setdefault(others.model_dump_json(), {})
            same.setdefault(model.training.train_fraction, name)
    found = (tuple(same[share] for share in sorted(same)) for same in groups.values())
    return tuple(group for group in found if len(group) > 1)
