"""Profiles of Snakemake: what a run is told of the machine, and whether it can be."""

from collections.abc import Collection, Iterator, Mapping
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
from ecslm.provenance.triggers import OPTION, check_triggers

PROFILES = Path("profiles")
# Names of executors that run jobs on this machine.
HERE = frozenset({"local", "dryrun", "touch"})
SLURM = "slurm"
# Where models can run.
DEVICES = ("cpu", "cuda")
# What installs the plugin of an executor, at its locked version.
INSTALLERS = {SLURM: "make slurm"}


@dataclass(frozen=True)
class Profile:
    """A profile as far as checks need it."""

    name: str
    executor: str = "local"
    gpus: int | None = None
    """GPUs that all jobs together may use at a time; None if the profile does not say."""
    default_resources: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Default resources of jobs, for what their rules do not request, as text."""
    set_resources: Mapping[str, Mapping[str, str]] = field(default_factory=dict, hash=False)
    """Resources by rule that replace the requests of the rules."""
    grouped: frozenset[str] = frozenset()
    """Rules whose jobs are submitted as one job for each value of the group's wildcards."""

    @property
    def devices(self) -> Mapping[str, str]:
        """The devices of rules whose jobs run models; they replace the study's `device`."""
        chosen = self.set_resources.items()
        return {rule: values["device"] for rule, values in chosen if "device" in values}

    @property
    def file(self) -> Path:
        """The profile's file."""
        return file_of(self.name)

    @property
    def is_local(self) -> bool:
        """Whether jobs run on this machine."""
        return self.executor in HERE

    def resource(self, rule: str, name: str) -> str:
        """What jobs of a rule ask for that the rule says nothing of; empty if nothing."""
        chosen = self.set_resources.get(rule, {})
        return chosen.get(name, self.default_resources.get(name, ""))

    def where(self, rule: str, name: str) -> str:
        """The place in the profile that sets, or would set, a resource of a rule."""
        own = name in self.set_resources.get(rule, {})
        return f"{self.file}: " + (
            f"set-resources: {rule}:{name}" if own else f"default-resources: {name}"
        )


def file_of(name: str) -> Path:
    """The file of a profile."""
    return PROFILES / name / "config.yaml"


def read_profile(name: str) -> Profile:
    """Read a profile.

    Raises:
        InputError: there is no such profile, or it cannot be read, or has Snakemake pass over
            changes.
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
    if OPTION in content:
        triggers = content[OPTION] or []
        chosen = triggers if isinstance(triggers, list) else str(triggers).split()
        check_triggers(map(str, chosen), f"{path}: {OPTION}")
    return Profile(
        name=name,
        executor=str(content.get("executor") or "local"),
        gpus=_gpus(content, path),
        default_resources=dict(_resources(content, "default-resources", path)),
        set_resources=_of_rules(content, path),
        grouped=frozenset(
            rule
            for rule, group in _resources(content, "groups", path)
            if group in dict(_resources(content, "group-components", path))
        ),
    )


def check_plugin(profile: Profile) -> Iterator[Finding]:
    """Whether the plugin of the profile's executor is installed."""
    name = profile.executor.replace("-", "_")
    if profile.is_local or find_spec(f"snakemake_executor_plugin_{name}") is not None:
        yield ok(f"{profile.file}: jobs run {'here' if profile.is_local else 'by ' + name}")
        return
    wanted = f"snakemake-executor-plugin-{profile.executor}"
    command = INSTALLERS.get(profile.executor, f".venv/bin/pip install {wanted}")
    yield error(
        f"executor: {profile.executor}, but its plugin {wanted} is not installed",
        str(profile.file),
        f"run `{command}`",
    )


def check_rules(profile: Profile, rules: Collection[str]) -> Iterator[Finding]:
    """Whether the rules and devices that a profile names exist: Snakemake silently ignores a
    misspelt rule, whose jobs would then run on another device or with another limit.

    Args:
        rules: the names of all rules.
    """
    where = f"{profile.file}: set-resources"
    for rule in profile.set_resources:
        if rule not in rules:
            yield error(f"no rule `{rule}`{nearest(rule, rules)}", where)
    for rule, device in profile.devices.items():
        if device not in DEVICES:
            known = " or ".join(DEVICES)
            yield error(f"{rule}:device={device}, which is not {known}", where, "correct it")


def _gpus(content: Mapping[str, Any], path: Path) -> int | None:
    """The number of `gpu` among resources, which are `gpu=1` or `gpu: 1`, one or several."""
    for name, value in _resources(content, "resources", path):
        if name == "gpu":
            if not value.isdecimal():
                raise InputError(f"{path}: resources: gpu: {value} is not a whole number")
            return int(value)
    return None


def _of_rules(content: Mapping[str, Any], path: Path) -> Mapping[str, Mapping[str, str]]:
    """Resources of rules, which are `rule:name=value` or mappings."""
    resources = content.get("set-resources")
    if isinstance(resources, Mapping):
        entries = [
            (f"{rule}:{name}", str(value))
            for rule, values in resources.items()
            for name, value in (values.items() if isinstance(values, Mapping) else ())
        ]
    else:
        entries = list(_resources(content, "set-resources", path))
    found: dict[str, dict[str, str]] = {}
    for key, value in entries:
        rule, _, name = key.partition(":")
        found.setdefault(rule, {})[name] = value
    return found


def _resources(content: Mapping[str, Any], key: str, path: Path) -> Iterator[tuple[str, str]]:
    """Names and values below a key of a profile, which are `name=value` or mappings."""
    resources = content.get(key)
    if isinstance(resources, Mapping):
        for name, value in resources.items():
            yield str(name), str(value)
        return
    entries = resources if isinstance(resources, list) else [resources] if resources else []
    for entry in entries:
        name, equals, value = str(entry).partition("=")
        if not equals:
            raise InputError(f"{path}: {key}: {entry} is not of the form NAME=VALUE")
        yield name.strip(), value.strip()
