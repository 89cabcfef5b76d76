"""Digests of the code that a script runs: of the definitions that it can reach, not of files.

A rule passes the digest of its script as a parameter, so that Snakemake reruns a job when the code
that makes its output changes, and only then.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.fingerprint.code import Code
from ecslm.fingerprint.files import python_files
from ecslm.fingerprint.kept import KeptDigests
from ecslm.fingerprint.modules import CodeError

SCRIPTS = Path(__file__).resolve().parents[2]


@cache
def code_of(root: Path) -> Code:
    """The code below a folder, read once a process; after `code_of.cache_clear()`, as it is then.

    Scripts share what they import, which is then analysed once.
    """
    files = python_files(root)
    return Code(root, files, KeptDigests(root, files))


def code_digest(script: str, modules: tuple[str, ...] = (), root: Path = SCRIPTS) -> str:
    """Digest of what a script can reach in the project's code.

    Args:
        script: file name under `root`, for example `score.py`.
        modules: modules that it loads by name, for example `ecslm.scoring.metrics.ndcg`: all of
            their definitions count.

    Raises:
        InputError: a file is missing or is not Python.
    """
    with _code_errors():
        return code_of(root).digest(script, modules)


def definition_digests(
    script: str, modules: tuple[str, ...] = (), root: Path = SCRIPTS
) -> Mapping[str, Mapping[str, str]]:
    """What `code_digest` is made of: by module, digests of its definitions, each for itself.

    What else a module executes stands under an empty name.

    Raises:
        InputError: a file is missing or is not Python.
    """
    with _code_errors():
        return code_of(root).definitions(script, modules)


def imported_modules(script: str, modules: Iterable[str] = (), root: Path = SCRIPTS) -> set[str]:
    """Names of all modules of the project that files import, directly or not: those of `script` and
    `modules`, whatever they use of them.

    Raises:
        InputError: a file is missing or is not Python.
    """
    with _code_errors():
        return code_of(root).imported_modules(script, modules)


@contextmanager
def _code_errors() -> Iterator[None]:
    """Reading code needs no library, so its errors are its own: raise them as all others."""
    try:
        yield
    except CodeError as error:
        raise InputError(str(error)) from None
