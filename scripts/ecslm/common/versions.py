"""Versions of libraries: those in the lock file and those installed."""

import re
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.common.files import read_text

LOCK_FILE = Path(__file__).resolve().parents[3] / "requirements.lock"


def lock_versions(packages: Iterable[str], lock_file: Path = LOCK_FILE) -> dict[str, str]:
    """Versions that the lock file pins, without local tags (`2.13.0+cpu` is `2.13.0`).

    Raises:
        InputError: a package is not pinned in the lock file.
    """
    pins = dict(re.findall(r"^([A-Za-z0-9._-]+)==([^+\s;]+)", read_text(lock_file), re.MULTILINE))
    missing = [package for package in packages if package not in pins]
    if missing:
        raise InputError(*(f"{lock_file}: {package} is not pinned" for package in missing))
    return {package: pins[package] for package in packages}


def require_locked(packages: Iterable[str]) -> dict[str, str]:
    """The locked versions of `packages`, after checking that these are installed.

    A manifest records the locked versions, so a job must not run with others.

    Raises:
        InputError: a package is not installed, or its version differs from the lock file.
    """
    locked = lock_versions(packages)
    problems = [
        f"{package}: {version} in this environment, {locked[package]} in {LOCK_FILE.name}: "
        "run `make setup`"
        for package, version in installed_versions(locked).items()
        if version != locked[package]
    ]
    if problems:
        raise InputError(*problems)
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
