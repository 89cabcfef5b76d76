"""Explains a result: what it was built from, and why it will be rebuilt."""

import textwrap
from collections.abc import Iterator
from pathlib import Path

import yaml

from ecslm.common.errors import InputError
from ecslm.provenance.causes import Changes
from ecslm.provenance.code_history import modules_of
from ecslm.provenance.dag import Job
from ecslm.provenance.integrity import damage, how_to_rebuild, read_job_manifest

WIDTH = 100


def explain(changes: Changes, path: Path) -> str:
    """Whether a result will be rebuilt and why, and what it was built from, as plain text.

    Raises:
        InputError: the study has no such result, or its manifest is broken.
    """
    job = changes.job_of(path.as_posix())
    if job is None:
        raise InputError(f"{path}: not a result of the study as configured now")
    if not Path(job.manifest).exists():
        lines = [f"{path}: not built yet; rule {job.rule} builds it"]
    elif found := damage(job, weights=True):
        lines = [f"{path}: modified since it was built ({', '.join(found)}): {how_to_rebuild(job)}"]
    else:
        state = "will be rebuilt" if job.due else "up to date"
        lines = [f"{path}: {state}; built by rule {job.rule}"]
    for reason, (first, *others) in changes.upstream(job).items():
        more = f" and {len(others)} more" if others else ""
        concerned = "" if first == job and not others else f": concerns {first.files[0]}{more}"
        lines.append(f"  because {reason}{concerned}")
    return "\n".join((*lines, *(_origin(job) if Path(job.manifest).exists() else ())))


def _origin(job: Job) -> Iterator[str]:
    """The content of the manifest, as YAML, and the modules behind the digest of its code."""
    made = read_job_manifest(job)
    content = made.model_dump(mode="json", exclude_none=True)
    yield yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=WIDTH).rstrip()
    if made.code:
        modules = ", ".join(modules_of(made.code)) or "unknown"
        yield textwrap.fill(f"modules: {modules}", WIDTH, subsequent_indent="  ")
