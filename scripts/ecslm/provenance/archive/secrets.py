"""Secrets of the environment, which no published file may have."""

import re
from collections.abc import Iterable, Mapping

from ecslm.common.errors import InputError

# Variables that hold secrets, by what they are usually called. Shorter values are switches.
SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL", re.IGNORECASE)
SHORTEST = 8


def refuse_secrets(
    files: Mapping[str, bytes], environment: Mapping[str, str], named: Iterable[str] = ()
) -> None:
    """Refuse files that have the value of a secret variable.

    Args:
        files: contents by name.
        named: variables that the configuration names as those of keys, whatever they are called.

    Raises:
        InputError: a line for each such file, without the value.
    """
    known = set(named)
    values = {
        name: value.strip().encode()
        for name, value in environment.items()
        if (name in known or SECRET.search(name)) and len(value.strip()) >= SHORTEST
    }
    problems = [
        f"{file}: has the value of the environment variable {name}: remove it from there, and "
        "change the secret"
        for file, content in files.items()
        for name, value in values.items()
        if value in content
    ]
    if problems:
        raise InputError(*problems)
