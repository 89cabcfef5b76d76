"""Checks whether the environment lets jobs of a run ask servers: keys, proxies, certificates."""

import os
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.config.backends.openai import OpenAIModel
from ecslm.plan.study import Study
from ecslm.prediction.openai_backend import going_to_ask
from ecslm.prediction.openai_settings import OpenAISettings
from ecslm.prediction.server_route import route_problems
from ecslm.schemas import paths
from ecslm.schemas.record import read_records


def check_api_keys(study: Study, due: Container[str]) -> None:
    """Refuse to start jobs that will ask a server if the environment lacks its key, or does not let
    them reach it.

    A job whose answers are all kept asks nothing. If that cannot be known yet, the job itself
    reports a missing key.

    Args:
        due: files that the run is going to write.

    Raises:
        InputError: a line for each environment variable that is not set, or wrong.
    """
    set_here = {name for name, value in os.environ.items() if value.strip()}
    problems = [
        f"the environment variable {variable} is not set, but needed to ask "
        f"{', '.join(sorted(models))}: set it to the key, or remove `key` from `access` if the "
        "server needs none"
        for variable, models in sorted(needed_keys(study, due, but=set_here).items())
    ]
    for name, model in _served(study):
        found = list(route_problems(model.server.url))
        # Only where something is wrong: to look for answers takes longer.
        if not set(found) <= set(problems) and _any_asks(study, name, due):
            problems += found
    if problems:
        raise InputError(*dict.fromkeys(problems))


def needed_keys(
    study: Study, due: Container[str], but: Container[str] = ()
) -> Mapping[str, set[str]]:
    """Models that jobs of a run are going to ask servers for, by the variable that has the key.

    Args:
        due: as of `check_api_keys`.
        but: variables that are not looked for.
    """
    needed: dict[str, set[str]] = defaultdict(set)
    for name, model in _served(study):
        key = model.access.key
        if key is not None and key not in but and _any_asks(study, name, due):
            needed[key].add(name)
    return needed


def _served(study: Study) -> Iterator[tuple[str, OpenAIModel]]:
    """The models that servers run, and that are run."""
    for name, model in study.settings.models.items():
        if isinstance(model, OpenAIModel) and model.run:
            yield name, model


def _any_asks(study: Study, model: str, due: Container[str]) -> bool:
    """Whether a job of a model is going to ask its server."""
    return any(
        study.path(paths.PREDICTIONS, model=model, seed=seed, task=task) in due
        and _asks(study, model, seed, task, due)
        for task in study.model_tasks(model)
        for seed in study.model(model).seeds
    )


def _asks(study: Study, model: str, seed: int, task: str, due: Container[str]) -> bool:
    settings = study.model(model).prediction(
        study.decoding(task),
        study.settings.batch_tokens,
        study.answered_settings(model, task),
        study.task(task),
    )
    template = study.template(model)
    assert isinstance(settings, OpenAISettings) and template is not None, "a server runs the model"
    dataset = study.dataset_file(task, "test")
    known = dataset not in due and Path(dataset).exists()
    records = read_records(Path(dataset)) if known else None
    return going_to_ask(settings, Path(template), seed, records)
