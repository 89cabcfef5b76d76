"""Parameters of jobs as strings: canonical JSON, or a value with a prefix.

Snakemake compares the values of a job's parameters as a set, without their names, so the prefix
says which parameter a value is.
"""

from collections.abc import Iterable

from pydantic import BaseModel

from ecslm.common.hashing import canonical_json
from ecslm.common.versions import lock_versions


def json_parameter(settings: BaseModel) -> str:
    """Validated settings, as the value of a script's `--settings`."""
    return canonical_json(settings.model_dump(mode="json"))


def version_parameter(libraries: Iterable[str]) -> str:
    """Locked versions of libraries."""
    return f"versions:{canonical_json(lock_versions(libraries))}"
