"""The jobs of a made-up study as its rules state them, read by Snakemake without a run."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from inspect import signature
from pathlib import Path
from typing import Any
from unittest.mock import patch

from snakemake.api import SnakemakeApi
from snakemake.iocontainers import Wildcards
from snakemake.settings.types import (
    ConfigSettings,
    OutputSettings,
    Quietness,
    ResourceSettings,
    WorkflowSettings,
)
from snakemake_interface_executor_plugins.settings import ExecMode
from support.project import ROOT

from ecslm.plan.study import Study
from ecslm.provenance.dag import Job, by_name

# The rules that make files.
RULES = frozenset(
    name
    for path in ROOT.glob("rules/*.smk")
    for name in re.findall(r'^rule (\w+):\n    """step:', path.read_text("utf-8"), re.MULTILINE)
)
# Not in the target `all`, unless a job of it reads them.
ON_DEMAND = {"base_model", "measure_latency", "report_pdf", "export_model", "model_card"}


@dataclass(frozen=True, eq=False)
class StatedJob(Job):
    """What a rule says of a job. Its parameters are those that Snakemake compares, but for those of
    files that are not there; its resources those that depend on the wildcards alone."""

    named_inputs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # The outputs of its rule, with wildcards in place of their values.
    patterns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The rule and the wildcards."""
        return " ".join((self.rule, *self.key.values()))

    @property
    def settings(self) -> str:
        """The value of the script's `--settings`."""
        return str(self.params["settings"])

    @property
    def code(self) -> str:
        """The digest of the script's code."""
        return str(self.params["code"])

    @property
    def versions(self) -> str:
        """The locked versions; empty if no library can change the results."""
        return self.params.get("versions") or ""


def first_files(made: Study, *rules: str) -> list[str]:
    """The first output of each job of some rules: that which it is for."""
    jobs = (job for job in stated_jobs(made).values() if job.rule in rules)
    return [path for job in jobs for path in next(iter(job.outputs.values()))]


def stated_jobs(made: Study) -> dict[str, StatedJob]:
    """All jobs of a study by their names; those without a manifest are due."""
    return {
        name: replace(job, due=not Path(job.manifest).exists())
        for name, job in _read(made, Path.cwd()).items()
    }


def all_jobs_of(made: Study) -> list[StatedJob]:
    """The jobs of all targets."""
    return list(stated_jobs(made).values())


def jobs_of(made: Study) -> tuple[StatedJob, ...]:
    """The jobs that the target `all` needs."""
    jobs = tuple(stated_jobs(made).values())
    wanted: set[str] = set()
    for one in reversed(jobs):
        if one.rule not in ON_DEMAND or wanted.intersection(one.files):
            wanted.update(one.inputs, one.files)
    return tuple(one for one in jobs if wanted.intersection(one.files))


def job_of(made: Study, rule: str, **wildcards: object) -> StatedJob:
    """One job of a study; the wildcards in the order of their names in `key`."""
    key = {name: str(value) for name, value in wildcards.items()}
    (found,) = (job for job in stated_jobs(made).values() if (job.rule, job.key) == (rule, key))
    return found


@lru_cache(maxsize=8)
def _read(made: Study, _folder: Path) -> dict[str, StatedJob]:
    with (
        patch("ecslm.config.loading.read_config", lambda *_: (made.config,)),
        # The rules say there that this process is a run.
        patch.dict(os.environ),
        SnakemakeApi(OutputSettings(quiet={Quietness.ALL}, enable_file_logging=False)) as api,
    ):
        workflow = api.workflow(
            ResourceSettings(cores=1),
            ConfigSettings(configfiles=[ROOT / "config.yaml"], replace_workflow_config=True),
            # As in a job that a scheduler starts, which checks no results.
            workflow_settings=WorkflowSettings(exec_mode=ExecMode.REMOTE),
            snakefile=ROOT / "Snakefile",
        )._workflow
        return {job.name: job for job in _jobs(workflow)}


def _jobs(workflow: Any) -> Iterator[StatedJob]:
    for name, keys in workflow.globals["JOBS"].items():
        rule = workflow.get_rule(name)
        for key in keys:
            inputs, *_ = rule.expand_input(key)
            outputs, _ = rule.expand_output(key)
            patterns, _ = rule.expand_output({wildcard: f"{{{wildcard}}}" for wildcard in key})
            yield StatedJob(
                rule=name,
                key=key,
                outputs=by_name(outputs),
                manifest=str(outputs.manifest),
                inputs=tuple(map(str, inputs)),
                params=dict(_of_wildcards(rule.params, key)),
                logs=tuple(map(str, rule.expand_log(key))),
                named_inputs=by_name(inputs),
                patterns=by_name(patterns),
                resources=dict(_resources(rule.resources, key)),
            )


def _of_wildcards(params: Any, key: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    for name, value in params.items():
        if not callable(value):
            yield name, value
        elif len(signature(value).parameters) == 1:
            with suppress(SystemExit):
                yield name, value(Wildcards(fromdict=key))


def _resources(resources: Any, key: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    for name, value in resources.items():
        # Defaults of Snakemake take more than wildcards.
        with suppress(TypeError):
            asked = value.evaluate(Wildcards(fromdict=key)) if value.is_evaluable() else value
            yield name, asked.value
