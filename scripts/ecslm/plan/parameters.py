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


def per_job(study: Study, function: Callable[..., Any], then: OfJob = lambda it: it) -> OfJob:
    """A function of the study and of some wildcards, by their names, as one of a job's wildcards.

    It is computed once for all jobs in which these are the same. Its problems end the process.

    Args:
        then: what is done with its value.
    """
    _, *names = signature(function).parameters

    @cache
    def known(*values: str) -> Any:
        with told():
            return then(function(study, *values))

    return lambda job: known(*(getattr(job, name) for name in names))


def own_modules(settings: Any) -> Sequence[str]:
    """The modules that settings say a script loads by name."""
    modules: Sequence[str] = settings.modules() if hasattr(settings, "modules") else ()
    return modules


def made_by(
    study: Study,
    script: str,
    settings: Callable[..., Any] | None = None,
    libraries: Callable[..., Sequence[str]] | Sequence[str] | None = None,
    modules: Callable[[Any], Sequence[str]] = own_modules,
) -> dict[str, OfJob]:
    """The parameters of a rule's jobs that the configuration, code and the lock file decide.

    `code` and `versions` may be those that `make accept` has shown to compute equal bytes.

    Args:
        script: its file name.
        settings: the value of its option, as a function of `per_job`.
        libraries: those that can change a result, or a function of `per_job` that returns them.
        modules: full names of the modules that the script loads by name, from its settings.
    """
    settings_of = cache(settings or (lambda _: None))
    its = per_job(study, settings_of)
    used = per_job(study, libraries if callable(libraries) else lambda _: libraries or ())

    @cache
    def computing(loaded: tuple[str, ...], names: tuple[str, ...]) -> tuple[str | None, str | None]:
        with told():
            real = Pair(code=code_parameter(script, loaded), versions=lock_versions(names))
            pair = representative(real)
        return pair.code, versions_parameter(pair.versions) if names else None

    found = {"code": lambda job: computing(tuple(modules(its(job))), tuple(used(job)))[0]}
    if settings is not None:
        found["settings"] = per_job(study, settings_of, json_parameter)
    if libraries is not None:
        found["versions"] = lambda job: computing(tuple(modules(its(job))), tuple(used(job)))[1]
    return found
