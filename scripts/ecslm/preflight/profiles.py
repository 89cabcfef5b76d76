"""Profiles of Snakemake: what a run is told of the machine, and whether it can be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ecslm.common.errors import InputError
from ecslm.common.text import nearest
from ecslm.config.files import read_files

PROFILES = Path("profiles")
SLURM = "slurm"
KEYS = ("resources", "default-resources", "set-resources", "groups")


@dataclass(frozen=True)
class Profile:
    """A profile as far as checks need it."""

    name: str
    executor: str = "local"
    gpus: int | None = None
    """GPUs that all jobs together may use at a time; None if the profile does not say."""
    defaults: Mapping[str, str] = field(default_factory=dict)
    """Resources of jobs whose rules request none, as text."""
    resources: Mapping[str, str] = field(default_factory=dict)
    """Resources that replace those of a rule, by `rule:name`."""
    grouped: frozenset[str] = frozenset()
    """Rules of a group: its jobs of one model and seed are taken to be submitted as one."""

    @property
    def file(self) -> Path:
        """The profile's file."""
        return PROFILES / self.name / "config.yaml"

    @property
    def is_local(self) -> bool:
        """Whether jobs run on this machine."""
        return self.executor == "local"

    def resource(self, rule: str, name: str, requested: object = "") -> str:
        """What jobs of a rule ask for, by the profile or else as the rule requests it."""
        return self.resources.get(f"{rule}:{name}", str(requested) or self.defaults.get(name, ""))


def read_profile(name: str) -> Profile:
    """Read a profile.

    Raises:
        InputError: there is no such profile, or it cannot be read.
    """
    path = Profile(name).file
    if not path.is_file():
        known = [file.parent.name for file in PROFILES.glob("*/config.yaml")]
        raise InputError(f"{path}: no such profile{nearest(name, known)}")
    content = read_files([path])[0].values
    given = {key: _entries(content.get(key)) for key in KEYS}
    gpus = given["resources"].get("gpu", "")
    return Profile(
        name,
        str(content.get("executor") or "local"),
        int(gpus) if gpus.isdecimal() else None,
        given["default-resources"],
        given["set-resources"],
        frozenset(given["groups"]),
    )


def _entries(value: Any) -> dict[str, str]:
    """Names and values below a key: a list of `name=value`, or a mapping; of rules, mappings are in
    a mapping."""
    if not isinstance(value, Mapping):
        texts = value if isinstance(value, list) else [value] if value else []
        parts = (str(text).partition("=") for text in texts)
        return {name.strip(): text.strip() for name, _, text in parts}
    found: dict[str, str] = {}
    for name, inner in value.items():
        of_rule = inner if isinstance(inner, Mapping) else {"": inner}
        found |= {f"{name}:{one}".rstrip(":"): str(it) for one, it in of_rule.items()}
    return found
