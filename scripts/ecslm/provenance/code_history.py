"""The definitions behind each code digest, recorded so that changes can be named later."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.common.files import write_json
from ecslm.common.validation import read_model
from ecslm.fingerprint.digest import definition_digests
from ecslm.fingerprint.running import code_parameter
from ecslm.plan.rules import Job
from ecslm.schemas.paths import CODE_HISTORY

# Digests of definitions by module and name.
Code = Mapping[str, Mapping[str, str]]


def code_changes(then: str | None, job: Job) -> Iterator[str]:
    """What has changed in a job's code since its digest was `then`, definition by definition."""
    if job.script is None or then == job.code:
        return
    before = _recorded(str(then))
    after = definition_digests(job.script, job.modules)
    changes = list(_changes(before, after)) if before else []
    # Digests of definitions do not tell, for example, that two equal ones are one now.
    yield from changes or [f"the code of {job.script} has changed ({then} -> {job.code})"]


def changes_between(then: str | None, now: str | None, folders: Iterable[Path]) -> Iterator[str]:
    """What has changed between two code digests, definition by definition where these are known.

    Args:
        folders: directories of records, as `record_code` makes one.
    """
    if then == now:
        return
    before, after = (_recorded_in(folders, str(code)) for code in (then, now))
    changes = list(_changes(before, after)) if before and after else []
    yield from changes or [f"other code ({then} -> {now})"]


def _changes(before: Code, after: Code) -> Iterator[str]:
    for module in sorted(before.keys() | after.keys()):
        if module not in after:
            yield f"{module} is no longer used"
        elif module not in before:
            yield f"{module} is used now"
        else:
            for name, what in _changed_names(before[module], after[module]):
                yield f"{module}: {name} {what}" if name else f"{module} {what}"


def _changed_names(
    before: Mapping[str, str], after: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    for name in sorted(before.keys() | after.keys()):
        # Statements of a module that are no definitions have an empty name.
        if name and name not in after:
            yield name, "is no longer used"
        elif name and name not in before:
            yield name, "is used now"
        elif before.get(name) != after.get(name):
            yield name, "has changed"


def record_code(jobs: Iterable[Job]) -> None:
    """Record the definitions behind each code digest, so that why.py can name what changed."""
    for script, modules in {(job.script, job.modules) for job in jobs}:
        if script is not None:
            # Not that of equal code, as `job.code` may be.
            path = _code_file(code_parameter(script, modules))
            if not path.exists():
                write_json(path, definition_digests(script, modules))


def modules_of(code: str) -> list[str]:
    """The script and modules behind a code digest; empty if it was not recorded."""
    return list(_recorded(code))


def _recorded(code: str) -> Code:
    """The recorded definitions; empty if there is no readable record."""
    return _recorded_in([CODE_HISTORY], code)


def _recorded_in(folders: Iterable[Path], code: str) -> Code:
    for folder in folders:
        with suppress(InputError):
            return read_model(_code_file(code, folder), dict[str, dict[str, str]])
    return {}


def _code_file(code: str, folder: Path = CODE_HISTORY) -> Path:
    return folder / f"{code.removeprefix('code:')}.json"
