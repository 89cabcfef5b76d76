"""Reads the jobs of a study from Snakemake's graph, through its Python API, as plain data.

No other module of the library imports Snakemake, and this one does so only where it is asked for
the graph: in the process of a run, which has one already, the rules pass that one on.
"""

import io
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from ecslm.common.errors import InputError
from ecslm.common.text import one_line
from ecslm.plan.study import Choice

PROFILE = Path("profiles/default/config.yaml")
CHECKSUM_LIMIT = "max-checksum-file-size"
ERROR = "error: "
INTERRUPTED = "the job that built it was interrupted before Snakemake recorded its end"
# Whether this process reads the graph and runs nothing: then the Snakefile checks no results, which
# the reader may be about to explain, adopt or remove.
_reading = False


@dataclass(frozen=True, eq=False)
class Job:
    """A job of the graph, or one whose results exist, of which only names are known."""

    rule: str
    key: Mapping[str, str]
    """The wildcards. A manifest that has fields of these names must have these values."""
    outputs: Mapping[str, tuple[str, ...]]
    """Files by their names in the rule; `manifest` is one."""
    manifest: str
    inputs: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    resources: Mapping[str, Any] = field(default_factory=dict)
    """What its rule requests, whatever a profile says."""
    logs: tuple[str, ...] = ()
    due: bool = False
    """Whether a run of the targets would run it."""
    reason: str = ""
    """Snakemake's reason to run it, which leaves out much: it stops at the first."""

    @property
    def files(self) -> tuple[str, ...]:
        """All files that it makes, the manifest last."""
        return (*self.results, self.manifest)

    @property
    def results(self) -> tuple[str, ...]:
        """All files that it makes but the manifest."""
        paths = (path for some in self.outputs.values() for path in some)
        return tuple(path for path in paths if path != self.manifest)


class Dag:
    """Snakemake's graph of the jobs that some targets need."""

    def __init__(self, workflow: Any) -> None:
        self._workflow = workflow

    @cached_property
    def jobs(self) -> tuple[Job, ...]:
        """The jobs that make files, each after those whose results it reads."""
        return tuple(self._jobs)

    @property
    def rules(self) -> frozenset[str]:
        """The names of all rules."""
        return frozenset(rule.name for rule in self._workflow.rules)

    def command(self, job: Job) -> str:
        """The command of a job."""
        return str(self._jobs[job].shellcmd)

    def record(self, jobs: Iterable[Job]) -> None:
        """Have Snakemake record that jobs have ended, with the inputs, parameters and commands that
        they have now."""
        # Since the graph was built, files may have been removed.
        self._workflow.iocache.deactivate()
        for job in jobs:
            self._workflow.async_run(self._workflow.persistence.finished(self._jobs[job]))

    @cached_property
    def _jobs(self) -> dict[Job, Any]:
        order = {rule.name: number for number, rule in enumerate(self._workflow.rules)}

        def place(job: Any) -> tuple[int, str]:
            return order[job.rule.name], str(job.output)

        levels = (sorted(level, key=place) for level in self._workflow.dag.toposorted())
        return {self._plain(job): job for level in levels for job in level if job.output}

    def _plain(self, job: Any) -> Job:
        dag = self._workflow.dag
        reason = dag.reason(job)
        return Job(
            rule=job.rule.name,
            key=dict(job.wildcards_dict),
            outputs=by_name(job.output),
            manifest=str(job.output.manifest),
            inputs=tuple(map(str, job.input)),
            params=dict(job.params.items()),
            resources=dict(job.resources.items()),
            logs=tuple(map(str, job.log)),
            due=dag.needrun(job),
            reason=INTERRUPTED if reason.forced else str(reason),
        )


@contextmanager
def read_dag(choice: Choice, targets: Iterable[str] | None = ("all",)) -> Iterator[Dag]:
    """The graph of a study. A process can read one, and start no run after that.

    Args:
        targets: names of rules, or files; None for everything that the study can make.

    Raises:
        InputError: the configuration has problems, or no rule makes a target, or a file that
            a parameter is computed from is missing.
    """
    from snakemake.api import SnakemakeApi
    from snakemake.exceptions import RuleException, WorkflowError
    from snakemake.settings import types

    global _reading
    said = io.StringIO()
    # The rules set variables of a run.
    environment = dict(os.environ)
    _reading = True
    try:
        output = types.OutputSettings(quiet={types.Quietness.ALL}, enable_file_logging=False)
        files = list(choice.configfile)
        config = types.ConfigSettings(config=choice.values, configfiles=files)
        with SnakemakeApi(output) as api:
            try:
                with redirect_stderr(said):
                    made = api.workflow(types.ResourceSettings(), config)
                    workflow = _with_graph(made, types, targets)
            except (SystemExit, WorkflowError, RuleException) as error:
                # The Snakefile, or a function of a rule, may have told what is wrong.
                lines = said.getvalue().splitlines()
                told = [line.removeprefix(ERROR) for line in lines if line.startswith(ERROR)]
                # Advice to those who write rules is left out.
                raise InputError(*told or [one_line(error).partition(" (if you use")[0]]) from None
            yield Dag(workflow)
    finally:
        _reading = False
        os.environ.clear()
        os.environ.update(environment)


def is_read() -> bool:
    """Whether the Snakefile is read for its graph alone."""
    return _reading


def record_format() -> int:
    """The version of the form in which Snakemake notes what made a result."""
    from snakemake.persistence import RECORD_FORMAT_VERSION

    return int(RECORD_FORMAT_VERSION)


def made_jobs(rules: Iterable[Any], folders: Iterable[Path]) -> Iterator[Job]:
    """The jobs of which there are manifests in some folders.

    Args:
        rules: Snakemake's.
    """
    # The manifest is the last; its name leads to a pattern without constraints of wildcards.
    makers = [(rule, rule.output[-1]) for rule in rules if rule.output]
    for folder in folders:
        for path in map(str, sorted(folder.rglob("*manifest.json"))):
            for rule, pattern in makers:
                if match := pattern.match(path):
                    key = match.groupdict()
                    outputs, _ = rule.expand_output(key)
                    yield Job(rule.name, key, by_name(outputs), path)
                    break


def _with_graph(api: Any, settings: Any, targets: Iterable[str] | None) -> Any:
    """Snakemake's workflow with its graph: these names are private, and those of its version."""
    workflow = api._workflow
    names = [one.name for one in workflow.rules if not one.output] if targets is None else targets
    limit = yaml.safe_load(PROFILE.read_text(encoding="utf-8"))[CHECKSUM_LIMIT]
    api.dag(
        settings.DAGSettings(
            targets=frozenset(names), max_checksum_file_size=limit, force_incomplete=True
        )
    )
    workflow.execution_settings = settings.ExecutionSettings()
    workflow._prepare_dag(forceall=False, ignore_incomplete=False, lock_warn_only=True, nolock=True)
    workflow._build_dag()
    return workflow


def by_name(files: Any) -> dict[str, tuple[str, ...]]:
    """Files of Snakemake by their names in a rule."""
    return {
        name: (str(paths),) if isinstance(paths, str) else tuple(map(str, paths))
        for name, paths in files.items()
    }
