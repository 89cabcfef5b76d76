"""Explains a result: what it was built from, and why it will be rebuilt."""

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.provenance.changes import Changes, dotted
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
    lines = [f"{path}: {_verdict(job)}", *_causes(changes, job)]
    if Path(job.manifest).exists():
        lines += ["", *_origin(changes, job)]
    return "\n".join(lines)


def _verdict(job: Job) -> str:
    if not Path(job.manifest).exists():
        return f"not built yet; rule {job.rule} builds it"
    if found := damage(job):
        return f"modified since it was built ({', '.join(found)}): {how_to_rebuild(job)}"
    state = "will be rebuilt" if job.due else "up to date"
    return f"{state}; built by rule {job.rule}"


def _causes(changes: Changes, job: Job) -> Iterator[str]:
    """Each reason with the files that it concerns first."""
    for reason, jobs in changes.causes(job).items():
        if jobs == [job]:
            yield f"  because {reason}"
        else:
            first = (*jobs[0].results, jobs[0].manifest)[0]
            more = f" and {len(jobs) - 1} more" if len(jobs) > 1 else ""
            yield f"  because {reason}: concerns {first}{more}"


def _origin(changes: Changes, job: Job) -> Iterator[str]:
    """The content of the manifest; inputs that will be rebuilt are marked."""
    made = read_job_manifest(job)
    stale = {name for source in changes.sources(job) if source.due for name in source.files}
    if made.inputs:
        yield f"inputs ({len(made.inputs)})"
        for path, digest in made.inputs.items():
            yield f"  {digest[:12]}  {path}{'  will be rebuilt' if path in stale else ''}"
    if made.settings:
        yield "settings"
        for name, value in dotted(made.settings).items():
            yield f"  {name} = {json.dumps(value, ensure_ascii=False)}"
    if made.content:
        yield f"rows of the source\n  {made.content}"
    if made.template_sha256:
        yield f"prompt template\n  {made.template_sha256}"
    if made.code:
        yield f"code {made.code.removeprefix('code:')}"
        modules = ", ".join(modules_of(made.code)) or "modules unknown"
        yield textwrap.fill(modules, WIDTH, initial_indent="  ", subsequent_indent="  ")
    if made.versions:
        yield "versions"
        yield "  " + ", ".join(f"{name} {version}" for name, version in made.versions.items())
    yield "results"
    for name, digest in made.files.items():
        yield f"  {digest[:12]}  {name}"
