"""The settings of the cards of exported models."""

from functools import cache

from ecslm.data.settings import HubData
from ecslm.exports.card_settings import CardTask, ModelCardSettings
from ecslm.plan.source import source_of
from ecslm.plan.study import Study


@cache
def model_card_settings(study: Study, model: str) -> ModelCardSettings:
    """What the card of a model says of the study."""
    source, base = source_of(study), study.local_models[model].base
    return ModelCardSettings(
        model=model,
        seed=study.first_seed(model),
        base=base,
        base_license=study.config.licenses.get(base),
        study=study.settings.title,
        data_source=source.title(),
        data_hub_id=source.data.id if isinstance(source.data, HubData) else None,
        data_license=source.data.license,
        tasks={
            task: CardTask(
                title=study.task(task).title,
                kind=study.task(task).kind(),
                simple=tuple(sorted(study.simple_baselines(task))),
            )
            for task in study.model_tasks(model)
        },
    )
