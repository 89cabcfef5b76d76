"""Whether the keys are set with which jobs of a run are going to ask servers."""

import os
from collections import defaultdict
from collections.abc import Container, Mapping
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.config.backends.openai import OpenAIModel
from ecslm.plan.keys import RunKey
from ecslm.plan.plan import Plan
from ecslm.plan.stages.models import Predict
from ecslm.prediction.openai_backend import going_to_ask
from ecslm.prediction.openai_settings import OpenAISettings
from ecslm.schemas.record import read_records


def check_api_keys(plan: Plan, due: Container[str]) -> None:
    """Refuse to start jobs that are going to ask a server, but have not its key.

    A job whose answers are all kept asks nothing. Where that cannot be known yet, the job tells.

    Args:
        due: files that the run is going to write.

    Raises:
        InputError: a line for each environment variable that is not set.
    """
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


def needed_keys(
    plan: Plan, due: Container[str], but: Container[str] = ()
) -> Mapping[str, set[str]]:
    """Models that jobs of a run are going to ask servers for, by the variable that has the key.

    Args:
        due: as of `check_api_keys`.
        but: variables that are not looked for.
    """
    rule = Predict(plan.study)
    needed: dict[str, set[str]] = defaultdict(set)
    for key in rule.all_keys():
        model = plan.study.model(key.model)
        variable = model.access.key if isinstance(model, OpenAIModel) else None
        if variable is None or variable in but:
            continue
        (predictions,) = rule.output_paths("predictions", key)
        if predictions in due and _asks(rule, key, due):
            needed[variable].add(key.model)
    return needed


def _asks(rule: Predict, key: RunKey, due: Container[str]) -> bool:
    settings, template = rule.settings(key), rule.template(key)
    assert isinstance(settings, OpenAISettings) and template is not None, "a server runs the model"
    dataset = rule.study.dataset_file(key.task, "test")
    known = dataset not in due and Path(dataset).exists()
    records = read_records(Path(dataset)) if known else None
    return going_to_ask(settings, Path(template), int(key.seed), records)
