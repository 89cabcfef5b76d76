"""Jobs as Snakemake's graph would have them, made from a plan without Snakemake."""

from pathlib import Path

from ecslm.plan.plan import NOT_IN_ALL, Plan
from ecslm.provenance.dag import Job


def jobs_of(made: Plan) -> tuple[Job, ...]:
    """The jobs that the target `all` needs; those without a manifest would run."""
    wanted: set[str] = set()
    for one in reversed(made.jobs):
        if one.rule not in NOT_IN_ALL or wanted.intersection(one.files):
            wanted.update(one.inputs, one.files)
    return tuple(
        job_of(made, one.rule, **one.key) for one in made.jobs if wanted.intersection(one.files)
    )


def job_of(made: Plan, rule: str, **wildcards: object) -> Job:
    """One job of a plan."""
    statement = made.rules[rule]
    key = statement.key_type(**{name: str(value) for name, value in wildcards.items()})
    one = statement.job(key)
    params = {name: getattr(one, name) for name in ("settings", "content", "code", "versions")}
    return Job(
        rule=rule,
        key=one.key,
        outputs={name: statement.output_paths(name, key) for name in statement.patterns},
        manifest=one.manifest,
        inputs=one.inputs,
        params={name: value for name, value in params.items() if value},
        due=not Path(one.manifest).exists(),
    )
