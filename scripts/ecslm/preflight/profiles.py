"""Profiles of Snakemake: what a run is told of the machine, and whether it can be."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from ecslm.common.errors import InputError
from ecslm.common.files import read_text
from ecslm.common.text import nearest
from ecslm.common.yaml_loader import YAML_LOADER
from ecslm.preflight.findings import Finding, error, ok

PROFILES = Path("profiles")
# What Snakemake runs jobs with that are not sent elsewhere.
HERE = frozenset({"local", "dryrun", "touch"})
SLURM = "slurm"
# The file that has the versions of an executor's plugin.
LOCKS = {SLURM: "requirements-slurm.lock"}


@dataclass(frozen=True)
class Profile:
    """A profile as far as checks need it."""

    name: str
    executor: str = "local"
    gpus: int | None = None
    """GPUs that all jobs together may use at a time; None if it does not say."""
    devices: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Where the jobs of some rules run models, by rule, whatever the study says."""

    @property
    def file(self) -> Path:
        """Where it stands."""
        return file_of(self.name)

    @property
    def is_local(self) -> bool:
        """Whether jobs run on this machine."""
        return self.executor in HERE


def file_of(name: str) -> Path:
    """The file of a profile."""
    return PROFILES / name / "config.yaml"


def read_profile(name: str) -> Profile:
    """Read a profile.

    Raises:
        InputError: there is no such profile, or it cannot be read.
    """
    path = file_of(name)
    if not path.is_file():
        known = sorted(file.parent.name for file in PROFILES.glob("*/config.yaml"))
        raise InputError(f"{path}: no such profile{nearest(name, known)}")
    try:
        content = yaml.load(read_text(path), Loader=YAML_LOADER) or {}
    except yaml.YAMLError as problem:
        raise InputError(f"{path}: not YAML ({' '.join(str(problem).split())})") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: not a YAML mapping")
    return Profile(
        name=name,
        executor=str(content.get("executor") or "local"),
        gpus=_gpus(content.get("resources"), path),
        devices=dict(_devices(content.get("set-resources"), path)),
    )


def check_plugin(profile: Profile) -> Iterator[Finding]:
    """Whether the plugin of the profile's executor is installed."""
    name = profile.executor.replace("-", "_")
    if profile.is_local or find_spec(f"snakemake_executor_plugin_{name}") is not None:
        yield ok(f"{profile.file}: jobs run {'here' if profile.is_local else 'by ' + name}")
        return
    wanted = f"snakemake-executor-plugin-{profile.executor}"
    lock = LOCKS.get(profile.executor)
    what = wanted if lock is None else f"--requirement {lock}"
    yield error(
        f"executor: {profile.executor}, but its plugin {wanted} is not installed",
        str(profile.file),
        f"run `.venv/bin/pip install {what}`",
    )


def _gpus(resources: Any, path: Path) -> int | None:
    """The number of `gpu` among resources, which are `gpu=1` or `gpu: 1`, one or several."""
    for name, value in _resources(resources, path):
        if name == "gpu":
            if not value.isdecimal():
                raise InputError(f"{path}: resources: gpu: {value} is not a whole number")
            return int(value)
    return None


def _devices(resources: Any, path: Path) -> Iterator[tuple[str, str]]:
    """The `device` of rules among their resources, which are `rule:name=value` or mappings."""
    if isinstance(resources, Mapping):
        entries = [
            (f"{rule}:{name}", str(value))
            for rule, values in resources.items()
            for name, value in (values.items() if isinstance(values, Mapping) else ())
        ]
    else:
        entries = list(_resources(resources, path))
    for name, value in entries:
        rule, _, resource = name.partition(":")
        if resource == "device":
            yield rule, value


def _resources(resources: Any, path: Path) -> Iterator[tuple[str, str]]:
    if isinstance(resources, Mapping):
        for name, value in resources.items():
            yield str(name), str(value)
        return
    entries = resources if isinstance(resources, list) else [resources] if resources else []
    for entry in entries:
        name, equals, value = str(entry).partition("=")
        if not equals:
            raise InputError(f"{path}: resources: {entry} is not of the form NAME=VALUE")
        yield name.strip(), value.strip()
