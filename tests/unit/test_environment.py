"""The lock file, the conda environment and the profiles say the same."""

import re
import tomllib

import yaml
from support.project import ROOT

LOCK_OF_SLURM = (ROOT / "requirements-slurm.lock").read_text(encoding="utf-8")
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PINS = {
    name.lower().replace("_", "-"): version
    for name, version in re.findall(r"^([\w.-]+)==(\S+)$", LOCK, re.MULTILINE)
}


def test_the_lock_file_holds_nothing_but_plain_pins() -> None:
    assert LOCK.count("\n") == len(PINS)
    assert not [version for version in PINS.values() if "+" in version]


def test_the_lock_file_names_no_wheel_of_one_kind_of_machine() -> None:
    # The CUDA libraries come as dependencies of torch, on the machines that it needs them on.
    special = {name for name in PINS if re.match("nvidia|cuda|triton", name)}
    assert special == {"nvidia-ml-py"}, "pure Python, reads energy counters"


def test_the_lock_file_of_slurm_holds_its_plugin_and_nothing_that_the_other_pins() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (wanted,) = project["optional-dependencies"]["slurm"]
    pins = dict(line.split("==") for line in LOCK_OF_SLURM.splitlines())
    assert pins[re.match(r"[\w.-]+", wanted)[0]]  # type: ignore[index]
    assert not pins.keys() & PINS.keys()


def test_the_conda_environment_has_every_dependency_at_its_locked_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.match(r"[\w.-]+", entry)[0] for entry in project["dependencies"]}  # type: ignore[index]
    environment = yaml.safe_load((ROOT / "envs/ecslm.yaml").read_text(encoding="utf-8"))
    (pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    assert dict(entry.split("==") for entry in pip) == {name: PINS[name] for name in names}


def test_every_profile_says_of_reruns_what_the_default_one_says_and_limits_what_is_scarce() -> None:
    """One that is chosen by `--workflow-profile` takes the place of the default one."""
    profiles = {
        path.parent.name: yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in ROOT.glob("profiles/*/config.yaml")
    }
    own = ("cores", "resources")
    shared = {key: value for key, value in profiles["default"].items() if key not in own}
    assert shared["max-checksum-file-size"] == 2_000_000_000
    for name, profile in profiles.items():
        assert shared.items() <= profile.items(), name
        assert {entry.partition("=")[0] for entry in profile["resources"]} >= {"gpu", "api"}, name
