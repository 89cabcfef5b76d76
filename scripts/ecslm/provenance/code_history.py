"""The modules behind each code digest, recorded so that changes can be named later."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from ecslm.common.files import read_json, write_json
from ecslm.fingerprint.digest import module_digests
from ecslm.plan.rules import Job
from ecslm.schemas.paths import CODE_HISTORY


def code_changes(then: str | None, job: Job) -> Iterator[str]:
    """What has changed in a job's code since its digest was `then`, module by module."""
    if job.script is None or then == job.code:
        return
    path = _code_file(str(then))
    if not path.exists():
        yield f"the code of {job.script} has changed ({then} -> {job.code})"
        return
    before, after = read_json(path), module_digests(job.script, job.modules)
    for module in sorted(before.keys() | after.keys()):
        if module not in after:
            yield f"{module} is no longer used"
        elif module not in before:
            yield f"{module} is used now"
        elif before[module] != after[module]:
            yield f"{module} has changed"


def record_code(jobs: Iterable[Job]) -> None:
    """Record the modules behind each code digest, so that why.py can name what changed."""
    for code, job in {job.code: job for job in jobs if job.script is not None}.items():
        path = _code_file(str(code))
        if job.script is not None and not path.exists():
            write_json(path, module_digests(job.script, job.modules))


def modules_of(code: str) -> list[str]:
    """The script and modules behind a code digest; empty if it was not recorded."""
    path = _code_file(code)
    return list(read_json(path)) if path.exists() else []


def _code_file(code: str) -> Path:
    return CODE_HISTORY / f"{code.removeprefix('code:')}.json"
