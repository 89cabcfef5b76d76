"""Parameters of jobs: all that decides what a job makes of its inputs, as strings.

Snakemake compares the values that are computed from wildcards alone as a set, without their names.
So each is one string with a form of its own: canonical JSON, or a value with a prefix.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from inspect import signature
from typing import Any

from pydantic import BaseModel

from ecslm.common.cli import exit_with
from ecslm.common.equal_code import Pair, representative
from ecslm.common.errors import InputError
from ecslm.common.hashing import canonical_json
from ecslm.common.versions import lock_versions
from ecslm.fingerprint.running import code_parameter
from ecslm.plan.study import Study
from ecslm.schemas.settings import JobSettings

VERSIONS = "versions:"
# A function of a job's wildcards, as Snakemake calls it.
OfJob = Callable[[Any], Any]


def json_parameter(settings: BaseModel) -> str:
    """Validated settings, as the value of a script's `--settings`."""
    return canonical_json(settings.model_dump(mode="json"))


def versions_parameter(versions: Mapping[str, str]) -> str:
    """Versions of libraries."""
    return f"{VERSIONS}{canonical_json(versions)}"


def versions_in(parameter: str | None) -> dict[str, str]:
    """The versions in a value of `versions_parameter`; none without one."""
    versions: dict[str, str] = json.loads((parameter or "{}").removeprefix(VERSIONS))
    return versions


@contextmanager
def told() -> Iterator[None]:
    """Ends the process with a line for each problem that its block meets."""
    try:
        yield
    except InputError as error:
        exit_with(error)


def per_job(
    study: Study, function: Callable[..., Any], like: Callable[..., Any] | None = None
) -> OfJob:
    """A function of the study and of some wildcards, by their names, as one of a job's wildcards.

    It is computed once for all jobs in which these are the same. Its problems end the process.

    Args:
        like: a function of the same wildcards that has their names, if this has not.
    """
    _, *names = signature(like or function).parameters

    @cache
    def known(*values: str) -> Any:
        with told():
            return function(study, *values)

    return lambda job: known(*(getattr(job, name) for name in names))


def nothing(_study: Study) -> JobSettings:
    """The settings of a script that has none."""
    return JobSettings()


def made_by(
    study: Study,
    script: str,
    settings: Callable[..., JobSettings] = nothing,
    libraries: Callable[..., Sequence[str]] | None = None,
) -> dict[str, OfJob]:
    """The parameters of a rule's jobs that the configuration, code and the lock file decide.

    `code` and `versions` may be those that `make accept` has shown to compute equal bytes.

    Args:
        script: its file name.
        settings: the value of its `--settings`, as a function of `per_job`.
        libraries: those that can change a result, where the settings alone do not tell: a function
            of the same wildcards.
    """

    @cache
    def computing(loaded: tuple[str, ...], used: tuple[str, ...]) -> dict[str, str | None]:
        real = Pair(code=code_parameter(script, loaded), versions=lock_versions(used))
        pair = representative(real)
        versions = versions_parameter(pair.versions) if used else None
        return {"code": pair.code, "versions": versions}

    def parameters(study: Study, *names: str) -> dict[str, str | None]:
        own = settings(study, *names)
        used = own.libraries if libraries is None else libraries(study, *names)
        return {"settings": json_parameter(own), **computing(own.modules(), tuple(used))}

    of_job = per_job(study, parameters, like=settings)

    def only(name: str) -> OfJob:
        return lambda job: of_job(job)[name]

    return {name: only(name) for name in ("settings", "code", "versions")}
