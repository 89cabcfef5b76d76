"""What has changed since results were made: their manifests, compared with the graph's jobs."""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ecslm.common.hashing import sha256_of_file
from ecslm.common.manifests import Manifest
from ecslm.models.prompts import as_parameter
from ecslm.plan.parameters import versions_in
from ecslm.provenance.code_history import code_changes
from ecslm.provenance.dag import Job
from ecslm.provenance.integrity import read_job_manifest


class Changes:
    """The jobs of a graph, and why a run would do them."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self.jobs = tuple(jobs)
        self._by_path = {path: job for job in self.jobs for path in job.files}

    def job_of(self, path: str) -> Job | None:
        """The job that makes a file."""
        return self._by_path.get(path)

    def sources(self, job: Job) -> Iterator[Job]:
        """The jobs whose results a job reads."""
        return (self._by_path[path] for path in job.inputs if path in self._by_path)

    @cache  # noqa: B019 - one instance a process
    def reasons(self, job: Job) -> tuple[str, ...]:
        """Why the job itself would run; empty if it would not, or only since another one would.

        Raises:
            InputError: the manifest is broken.
        """
        if not job.due:
            return ()
        if not Path(job.manifest).exists():
            return ("not built yet",)
        if job.interrupted:
            return ("the job that built it was interrupted before Snakemake recorded its end",)
        found = (
            *(f"{path} is missing" for path in job.results if not Path(path).exists()),
            *differences(job),
            *([f"the command of rule {job.rule} has changed"] if job.other_command else []),
        )
        follows = any(source.due for source in self.sources(job))
        # What the library does not know of, Snakemake does.
        return found or (() if follows else (job.reason,))

    def causes(self, job: Job) -> dict[str, list[Job]]:
        """Every reason to run a job or those upstream, with the jobs that have it."""
        found: dict[str, list[Job]] = {}
        waiting, seen = [job], {job}
        while waiting:
            one = waiting.pop(0)
            for reason in self.reasons(one):
                found.setdefault(reason, []).append(one)
            for source in self.sources(one):
                if source not in seen:
                    seen.add(source)
                    waiting.append(source)
        return found


def differences(job: Job) -> list[str]:
    """How what results were made from differs from what they would be made from now.

    Raises:
        InputError: the manifest is missing or broken.
    """
    made, now = read_job_manifest(job), job.params
    return [
        *changed_values(dotted(made.settings), dotted(json.loads(now.get("settings") or "{}"))),
        *(
            ["the content of the source has changed"]
            if made.source_content != (now.get("source") or now.get("content"))
            else []
        ),
        *(["the prompt template has changed"] if _template(made) != now.get("template") else []),
        *_changed_inputs(made.inputs, job.inputs),
        *code_changes(made.code, now.get("code")),
        *changed_values(made.versions, versions_in(now.get("versions"))),
    ]


def dotted(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flatten nested settings to one level with dotted keys; lists stay whole."""
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        if isinstance(inner, dict) and inner:
            flat |= dotted(inner, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = inner
    return flat


def changed_values(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """The values that differ, as `name: before -> after`."""
    for name in sorted(then.keys() | now.keys()):
        before, after = (values.get(name, "absent") for values in (then, now))
        if before != after:
            yield f"{name}: {before} -> {after}"


def _template(made: Manifest) -> str | None:
    return None if made.template_sha256 is None else as_parameter(made.template_sha256)


def _changed_inputs(then: Mapping[str, str], now: Iterable[str]) -> Iterator[str]:
    for path in sorted({*then, *now}):
        if path not in then:
            yield f"{path} is a new input"
        elif path not in now:
            yield f"{path} is no longer an input"
        elif Path(path).exists() and sha256_of_file(Path(path)) != then[path]:
            yield f"{path} has changed"
