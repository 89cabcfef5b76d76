"""Secrets of the environment and of the hub's token files, which no published file may have."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ecslm.common.errors import InputError

# Usual names of variables with secrets. Shorter values are taken for switches.
SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL", re.IGNORECASE)
SHORTEST = 8


def refuse_secrets(
    files: Mapping[str, bytes],
    environment: Mapping[str, str],
    named: Iterable[str] = (),
    token_files: Iterable[Path] = (),
) -> None:
    """Refuse files that have a secret: the value of a variable, or a token of a file.

    Args:
        files: contents by name.
        named: variables that the configuration names as those of keys, whatever they are called.
        token_files: each line is a token, or a name in brackets, or has a token after `=`.

    Raises:
        InputError: a line for each such file, without the value.
    """
    known = set(named)
    values = [
        (f"the value of the environment variable {name}", value)
        for name, value in environment.items()
        if name in known or SECRET.search(name)
    ]
    values += [(f"a token of {path}", token) for path in token_files for token in _tokens(path)]
    secrets = {value.strip().encode(): what for what, value in values}
    problems = [
        f"{file}: has {what}: remove it from there, and change the secret"
        for file, content in files.items()
        for secret, what in secrets.items()
        if len(secret) >= SHORTEST and secret in content
    ]
    if problems:
        raise InputError(*problems)


def hub_token_files() -> list[Path]:
    """The files in which the hub's library keeps tokens: of the last login, and of all logins."""
    from huggingface_hub import constants

    return [Path(constants.HF_TOKEN_PATH), Path(constants.HF_STORED_TOKENS_PATH)]


def _tokens(path: Path) -> Iterator[str]:
    if path.is_file():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            if not line.startswith("["):
                yield line.rpartition("=")[2]
