"""Checks whether servers can be asked, as the environment is."""

from collections.abc import Iterator

from ecslm.common.errors import InputError
from ecslm.config.backends.openai import OpenAIModel
from ecslm.preflight.findings import Finding, errors_of, ok
from ecslm.preflight.planned_run import PlannedRun
from ecslm.provenance.api_keys import check_api_keys


def check_keys(run: PlannedRun) -> Iterator[Finding]:
    """Whether the environment has the key of each server that a run asks, and how to reach it."""
    models = run.plan.study.settings.models.values()
    if not any(isinstance(model, OpenAIModel) and model.run for model in models):
        return
    try:
        check_api_keys(run.plan, run.due)
    except InputError as problems:
        yield from errors_of(problems)
    else:
        yield ok("all that are needed are set")
