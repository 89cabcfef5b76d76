"""The definitions behind each code digest, recorded so that changes can be named later."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.common.files import write_json
from ecslm.common.validation import read_model
from ecslm.fingerprint.digest import definition_digests, digested
from ecslm.schemas.paths import CODE_HISTORY

# Digests of definitions by module and name.
Code = Mapping[str, Mapping[str, str]]


def code_changes(
    then: str | None, now: str | None, folders: Iterable[Path] = (CODE_HISTORY,)
) -> Iterator[str]:
    """What has changed between two code digests, definition by definition where these are known.

    Args:
        folders: directories of records, as `record_code` makes one.
    """
    if then == now:
        return
    before, after = (_definitions(str(code), folders) for code in (then, now))
    changes = list(_changes(before, after)) if before and after else []
    # Digests of definitions do not tell, for example, that two equal ones are one now.
    yield from changes or [f"other code ({then} -> {now})"]


def _changes(before: Code, after: Code) -> Iterator[str]:
    for module in sorted(before.keys() ^ after.keys()):
        yield f"{module} is {'used now' if module in after else 'no longer used'}"
    for module in sorted(before.keys() & after.keys()):
        then, now = before[module], after[module]
        for name in sorted(then.keys() | now.keys()):
            if then.get(name) == now.get(name):
                continue
            # Statements of a module that are no definitions have an empty name.
            if not name:
                yield f"{module} has changed"
            elif name in then and name in now:
                yield f"{module}: {name} has changed"
            else:
                yield f"{module}: {name} is {'used now' if name in now else 'no longer used'}"


def record_code() -> None:
    """Record the definitions behind each code digest that this process has computed, as it has
    those of all jobs of its run, so that why.py can name what changed."""
    for code, code_of_job in digested().items():
        path = _code_file(code, CODE_HISTORY)
        if not path.exists():
            write_json(path, definition_digests(*code_of_job))


def modules_of(code: str) -> list[str]:
    """The script and modules behind a code digest; empty if it was not recorded."""
    return list(_definitions(code, [CODE_HISTORY]))


def _definitions(code: str, folders: Iterable[Path]) -> Code:
    """The definitions behind a digest; empty if they are not known."""
    if now := digested().get(code.removeprefix("code:")):
        return definition_digests(*now)
    for folder in folders:
        with suppress(InputError):
            return read_model(_code_file(code, folder), dict[str, dict[str, str]])
    return {}


def _code_file(code: str, folder: Path) -> Path:
    return folder / f"{code.removeprefix('code:')}.json"
