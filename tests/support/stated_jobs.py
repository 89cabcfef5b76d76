"""The jobs of a made-up study as its rules state them, read by Snakemake without a run."""

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from inspect import signature
from pathlib import Path
from typing import Any

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


@dataclass(frozen=True)
class StatedJob:
    """What a rule says of a job."""

    rule: str
    key: Mapping[str, str]
    outputs: Mapping[str, tuple[str, ...]]
    inputs: Mapping[str, tuple[str, ...]]
    params: Mapping[str, Any]
    """The parameters that Snakemake compares, but for those of files that are not there."""
    resources: Mapping[str, Any]
    """Those that depend on the wildcards alone."""

    @property
    def name(self) -> str:
        """The rule and the wildcards."""
        return " ".join((self.rule, *self.key.values()))

    @property
    def reads(self) -> tuple[str, ...]:
        """All files that it reads."""
        return tuple(path for paths in self.inputs.values() for path in paths)

    @property
    def makes(self) -> tuple[str, ...]:
        """All files that it makes."""
        return tuple(path for paths in self.outputs.values() for path in paths)


def stated_jobs(raw: Mapping[str, Any]) -> dict[str, StatedJob]:
    """All jobs of a study by their names.

    The working folder is that of the project, or one that looks like it.

    Args:
        raw: the whole configuration.
    """
    return _read(json.dumps(raw, default=str), Path.cwd())


@lru_cache(maxsize=8)
def _read(text: str, _folder: Path) -> dict[str, StatedJob]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "config.yaml")
        # JSON is YAML.
        file.write_text(text, encoding="utf-8")
        output = OutputSettings(quiet={Quietness.ALL}, enable_file_logging=False)
        with SnakemakeApi(output) as api:
            workflow = api.workflow(
                ResourceSettings(cores=1),
                ConfigSettings(configfiles=[file], replace_workflow_config=True),
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
            yield StatedJob(
                rule=name,
                key=key,
                outputs=_by_name(outputs),
                inputs=_by_name(inputs),
                params=dict(_of_wildcards(rule.params, key)),
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


def _by_name(files: Any) -> dict[str, tuple[str, ...]]:
    return {
        name: (str(paths),) if isinstance(paths, str) else tuple(map(str, paths))
        for name, paths in files.items()
    }
