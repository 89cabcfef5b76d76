"""Parameters of jobs as strings: canonical JSON, or a value with a prefix.

Snakemake compares the values of a job's parameters as a set, without their names, so the prefix
says which parameter a value is.
"""

import json
from collections.abc import Mapping

from pydantic import BaseModel

from ecslm.common.hashing import canonical_json

VERSIONS = "versions:"


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
