"""The environment that results are computed in, as far as it decides their bytes: versions of
libraries, variables, the type of CPU.

Measured on torch 2.13: `*_NUM_THREADS`, hash seeds and NumPy's CPU features do not.
"""

import os
import platform
import re
import sysconfig
from collections.abc import Iterable
from fnmatch import fnmatchcase
from importlib import metadata
from pathlib import Path

from ecslm.common.errors import refuse
from ecslm.common.files import read_text

LOCK_FILE = Path(__file__).resolve().parents[3] / "requirements.lock"

# Variables that choose other instructions, other precision or fewer threads, by pattern, and the
# values that do not.
ON_CPU = {
    "ATEN_CPU_CAPABILITY": (),
    "*_FPMATH_MODE": (),
    "*_MAX_CPU_ISA": (),
    "MKL_CBWR": (),
    "MKL_ENABLE_INSTRUCTIONS": (),
    "OMP_DYNAMIC": ("false",),
    "OMP_THREAD_LIMIT": (),
    "OPENBLAS_CORETYPE": (),
}
ON_GPU = {
    "CUBLAS_WORKSPACE_CONFIG": (":4096:8", ":16:8"),
    "NVIDIA_TF32_OVERRIDE": (),
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE": (),
    "TORCH_BLAS_PREFER_CUBLASLT": (),
}
CPU_INFO = Path("/proc/cpuinfo")
# How the flags begin by which libraries choose instructions.
DECISIVE = ("amx", "asimd", "avx", "bf16", "fma", "i8mm", "sve")


def refuse_variables(device: str) -> None:
    """Refuse variables that change what is computed, since they stand in no key of a result.

    Args:
        device: `cpu` or `cuda`. Some work of the latter is done on the CPU too.

    Raises:
        InputError: a line for each that is set.
    """
    refused = ON_CPU | (ON_GPU if device == "cuda" else {})
    found = {
        name: "changes results"
        for name, value in sorted(os.environ.items())
        for pattern, allowed in refused.items()
        if fnmatchcase(name, pattern) and value.lower() not in ("", *allowed)
    }
    # Libraries that are found before those of this environment.
    own = Path(sysconfig.get_path("purelib"))
    for folder in filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)):
        names = sorted(path.stem for path in Path(folder).glob("[!_.]*"))
        if hidden := [name for name in names if (own / name).exists()]:
            what = f"hides {hidden[0]} of this environment, which may change results"
            found["PYTHONPATH"] = what
    message = "{0}={1} in the environment {2}: `unset {0}`, then run again"
    refuse(message.format(one, os.environ[one], found[one]) for one in found)


def cpu_type() -> str:
    """The architecture, maker and decisive flags of this machine's CPU: equal types compute equal
    bytes."""
    if not CPU_INFO.is_file():
        return f"{platform.machine()} {platform.system()}"
    facts: dict[str, str] = {}
    for line in CPU_INFO.read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        facts.setdefault(name.strip(), value.strip())
    flags = facts.get("flags", facts.get("Features", "")).split()
    chosen = sorted(flag for flag in flags if flag.startswith(DECISIVE))
    return " ".join((platform.machine(), facts.get("vendor_id", ""), *chosen))


def lock_versions(packages: Iterable[str], lock_file: Path = LOCK_FILE) -> dict[str, str]:
    """Versions that the lock file pins, without local tags (`2.13.0+cpu` is `2.13.0`).

    Raises:
        InputError: a package is not pinned in the lock file.
    """
    pins = dict(re.findall(r"^([A-Za-z0-9._-]+)==([^+\s;]+)", read_text(lock_file), re.MULTILINE))
    refuse(f"{lock_file}: {package} is not pinned" for package in packages if package not in pins)
    return {package: pins[package] for package in packages}


def require_locked(packages: Iterable[str]) -> dict[str, str]:
    """The locked versions of `packages`, after checking that these are installed.

    A manifest records the locked versions, so a job must not run with others.

    Raises:
        InputError: a package is not installed, or its version differs from the lock file.
    """
    locked = lock_versions(packages)
    refuse(
        f"{package}: {version} in this environment, {locked[package]} in {LOCK_FILE.name}: "
        "run `make setup`"
        for package, version in installed_versions(locked).items()
        if version != locked[package]
    )
    return locked


def installed_versions(packages: Iterable[str]) -> dict[str, str]:
    """Installed versions of `packages`, without local tags, or `not installed`."""
    versions = {}
    for package in packages:
        try:
            versions[package] = metadata.version(package).partition("+")[0]
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return versions
