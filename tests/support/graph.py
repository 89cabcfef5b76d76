"""Jobs as Snakemake's graph would have them, made from a plan without Snakemake."""

from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from ecslm.plan.keys import Key
from ecslm.plan.plan import NOT_IN_ALL, Plan
from ecslm.plan.rules import Rule, as_tuple
from ecslm.provenance.dag import Job
from ecslm.schemas.paths import log_paths


def jobs_of(made: Plan) -> tuple[Job, ...]:
    """The jobs that the target `all` needs; those without a manifest would run."""
    wanted: set[str] = set()
    for one in reversed(made.jobs):
        if one.rule not in NOT_IN_ALL or wanted.intersection(one.files):
            wanted.update(one.inputs, one.files)
    return tuple(
        job_of(made, one.rule, **one.key) for one in made.jobs if wanted.intersection(one.files)
    )


def all_jobs_of(made: Plan) -> list[Job]:
    """The files of the jobs of all targets, without what these read."""
    return [_written(made, rule, key) for rule in made.rules.values() for key in rule.all_keys()]


def written_by(made: Plan) -> list[str]:
    """Path patterns of what rules write."""
    patterns = []
    for rule in made.rules.values():
        names = {field.name: f"{{{field.name}}}" for field in fields(rule.key_type)}
        patterns += [path for one in rule.patterns.values() for path in as_tuple(one)]
        patterns += [f"{made.study.results}/{path}" for path in log_paths(rule.name, names)]
    return patterns


def job_of(made: Plan, rule: str, **wildcards: object) -> Job:
    """One job of a plan."""
    statement = made.rules[rule]
    key = statement.key_type(**{name: str(value) for name, value in wildcards.items()})
    one = statement.job(key)
    params = {name: getattr(one, name) for name in ("settings", "content", "code", "versions")}
    return replace(
        _written(made, statement, key),
        inputs=one.inputs,
        params={name: value for name, value in params.items() if value},
        due=not Path(one.manifest).exists(),
    )


def _written(made: Plan, rule: Rule[Any], key: Key) -> Job:
    outputs = {name: rule.output_paths(name, key) for name in rule.patterns}
    logs = (f"{made.study.results}/{path}" for path in log_paths(rule.name, asdict(key)))
    return Job(rule.name, asdict(key), outputs, *outputs["manifest"], logs=tuple(logs))
