"""Checks whether the environment lets jobs of a run ask servers: keys, proxies, certificates."""

import os
from collections import defaultdict
from collections.abc import Container, Mapping
from pathlib import Path

from ecslm.common.errors import InputError, all_of
from ecslm.config.backends.openai import OpenAIModel
from ecslm.plan.keys import RunKey
from ecslm.plan.plan import Plan
from ecslm.plan.stages.models import Predict
from ecslm.prediction.openai_backend import going_to_ask
from ecslm.prediction.openai_settings import OpenAISettings
from ecslm.prediction.server_route import route_problems
from ecslm.schemas.record import read_records


def check_api_keys(plan: Plan, due: Container[str]) -> None:
    """Refuse to start jobs that will ask a server if the environment lacks its key, or does not let
    them reach it.

    A job whose answers are all kept asks nothing. If that cannot be known yet, the job itself
    reports a missing key.

    Args:
        due: files that the run is going to write.

    Raises:
        InputError: a line for each environment variable that is not set, or wrong.
    """
    all_of(lambda: _check_keys(plan, due), lambda: _check_routes(plan, due))


def _check_keys(plan: Plan, due: Container[str]) -> None:
    set_here = {name for name, value in os.environ.items() if value.strip()}
    lacking = needed_keys(plan, due, but=set_here)
    if lacking:
        raise InputError(
            *(
                f"the environment variable {variable} is not set, but needed to ask "
                f"{', '.join(sorted(models))}: set it to the key, or remove `key` from `access` if "
                "the server needs none"
                for variable, models in sorted(lacking.items())
            )
        )


def _check_routes(plan: Plan, due: Container[str]) -> None:
    problems: dict[str, None] = {}
    for name, model in plan.study.settings.models.items():
        if isinstance(model, OpenAIModel) and model.run:
            found = dict.fromkeys(route_problems(model.server.url))
            # Only where something is wrong: to look for answers takes longer.
            if not found.keys() <= problems.keys() and _any_asks(plan, name, due):
                problems |= found
    if problems:
        raise InputError(*problems)


def needed_keys(
    plan: Plan, due: Container[str], but: Container[str] = ()
) -> Mapping[str, set[str]]:
    """Models that jobs of a run are going to ask servers for, by the variable that has the key.

    Args:
        due: as of `check_api_keys`.
        but: variables that are not looked for.
    """
    needed: dict[str, set[str]] = defaultdict(set)
    for name, model in plan.study.settings.models.items():
        variable = model.access.key if isinstance(model, OpenAIModel) else None
        if variable is not None and variable not in but and _any_asks(plan, name, due):
            needed[variable].add(name)
    return needed


def _any_asks(plan: Plan, model: str, due: Container[str]) -> bool:
    """Whether a job of a model is going to ask its server."""
    rule = Predict(plan.study)
    for key in rule.all_keys():
        if key.model == model:
            (predictions,) = rule.output_paths("predictions", key)
            if predictions in due and _asks(rule, key, due):
                return True
    return False


def _asks(rule: Predict, key: RunKey, due: Container[str]) -> bool:
    settings, template = rule.settings(key), rule.template(key)
    assert isinstance(settings, OpenAISettings) and template is not None, "a server runs the model"
    dataset = rule.study.dataset_file(key.task, "test")
    known = dataset not in due and Path(dataset).exists()
    records = read_records(Path(dataset)) if known else None
    return going_to_ask(settings, Path(template), int(key.seed), records)
