"""The jobs of a study in a project that was edited: which are due, and what has changed of each.

    python graphs.py CONFIGFILE STUDY

prints them as JSON, for the project in the working directory, by the code of that.
"""

import json
import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import chdir
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

NOT_BUILT = "not built yet"


@dataclass(frozen=True)
class GraphJob:
    """A job as the graph has it."""

    due: bool
    """Whether a run would do it."""
    recorded_otherwise: bool
    """Whether Snakemake's record of it has other parameters, inputs or another command."""
    causes: tuple[str, ...]
    """What differs between its manifest and what it would be made from now."""
    reads: tuple[str, ...]
    """The names of the jobs whose results it reads."""


Graph = Mapping[str, GraphJob]


def read_graph(project: Path, configfile: str, study: str) -> Graph:
    """The jobs by name, each after those that it reads, by the code of a project."""
    from support import warm

    run = warm.run([__file__, configfile, study], project, os.environ)
    assert run.returncode == 0, run.stdout + run.stderr
    return {name: GraphJob(**job) for name, job in json.loads(run.stdout).items()}


def with_readers(names: Iterable[str], graph: Graph) -> set[str]:
    """Jobs, and all that read their results, directly or through others."""
    found = set(names)
    for name, job in graph.items():
        if not found.isdisjoint(job.reads):
            found.add(name)
    return found


def commands_of(
    project: Path, configfile: str, study: str, *targets: str, due: bool = False
) -> list[str]:
    """The commands of all jobs of some targets, or of those that a run would do, if the project has
    the code of this process."""
    from ecslm.plan.study import Choice
    from ecslm.provenance.dag import read_dag

    choice = Choice([Path(configfile)], study)
    with chdir(project), read_dag(choice, targets or ["all"]) as dag:
        return [dag.command(job) for job in dag.jobs if job.due or not due]


due_commands = partial(commands_of, due=True)


def graph_here(configfile: str, study: str) -> Graph:
    """The graph of the project in the working directory, by the code that this process has."""
    from ecslm.plan.study import Choice
    from ecslm.provenance.dag import Job, read_dag
    from ecslm.provenance.why import Changes, differences

    def name_of(job: Job) -> str:
        parts = [f"seed-{value}" if key == "seed" else value for key, value in job.key.items()]
        return f"{job.rule} {'/'.join(parts)}".rstrip()

    def causes_of(job: Job, planned: Any) -> tuple[str, ...]:
        if not Path(job.manifest).exists():
            return (NOT_BUILT,)
        # What Snakemake does not compare counts as not there.
        params = {k: v for k, v in job.params.items() if v in planned.non_derived_params}
        inputs = tuple(str(path) for path in planned.input if not path.is_ancient)
        compared = replace(job, params=params, inputs=inputs)
        return tuple(change.words for change in differences(compared))

    with read_dag(Choice([Path(configfile)], study)) as dag:
        changes, records = Changes(dag.jobs), dag._workflow.persistence

        def is_recorded_otherwise(planned: Any) -> bool:
            files = (*records.input_changed(planned), *records.code_changed(planned))
            return bool(records.params_changed(planned)) or any(files)

        return {
            name_of(job): GraphJob(
                due=job.due,
                recorded_otherwise=is_recorded_otherwise(planned),
                causes=causes_of(job, planned),
                reads=tuple(map(name_of, changes.sources(job))),
            )
            for job, planned in dag._jobs.items()
        }


if __name__ == "__main__":
    sys.path.insert(0, "scripts")
    print(json.dumps({name: asdict(job) for name, job in graph_here(*sys.argv[1:]).items()}))
