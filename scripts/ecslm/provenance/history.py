"""Compares the jobs of a study with the manifests of their results: what has changed since.

A job's manifest says what its results were built from; `Job`, what they would be built from now.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ecslm.common.digest_cache import load_digests
from ecslm.common.errors import InputError
from ecslm.common.hashing import sha256_of_file
from ecslm.common.manifests import Manifest
from ecslm.models.prompts import as_parameter
from ecslm.plan.parameters import versions_in
from ecslm.plan.plan import Plan
from ecslm.plan.rules import Job
from ecslm.provenance.code_history import code_changes
from ecslm.provenance.integrity import misplaced, read_job_manifest
from ecslm.provenance.snakemake_records import unfinished_results
from ecslm.schemas.paths import DIGESTS

_NEW_CONTENT = "the content of the source has changed"


class History:
    """The jobs of a study, compared with the manifests of their results."""

    def __init__(self, study: str, jobs: Iterable[Job]) -> None:
        self.study, self.jobs = study, tuple(jobs)
        self._by_path = {path: job for job in self.jobs for path in job.files}

    @classmethod
    def of_study(cls, configfiles: Sequence[Path], study: str | None) -> "History":
        """The history of a study, configured by config.yaml and further files.

        Raises:
            InputError: the configuration has problems, or a file of the data source is missing.
        """
        load_digests(DIGESTS)
        plan = Plan.read(configfiles, study)
        return cls(plan.study.name, plan.jobs)

    def job_of(self, path: Path) -> Job:
        """The job that makes a file.

        Raises:
            InputError: the study has no such result.
        """
        job = self._by_path.get(path.as_posix())
        if job is None:
            raise InputError(
                f"{path}: not a result of the study as configured now: name a file such as "
                f"{self.jobs[-1].results[0]}"
            )
        return job

    @cache  # noqa: B019 - one instance a process
    def reasons(self, job: Job) -> tuple[str, ...]:
        """Why the job's own results must be rebuilt; empty if they need not be."""
        if not Path(job.manifest).exists():
            return ("not built yet",)
        if unfinished_results([job]):
            return ("the job that built it was interrupted before Snakemake recorded its end",)
        made = read_job_manifest(job)
        return (
            *(f"{path} is missing" for path in job.files if not Path(path).exists()),
            *changed_values(dotted(made.settings), dotted(json.loads(job.settings or "{}"))),
            *([_NEW_CONTENT] if job.content != made.source_content else []),
            *(["the prompt template has changed"] if job.template != _template(made) else []),
            *self._changed_inputs(made.inputs, job.inputs),
            *code_changes(made.code, job),
            *changed_values(made.versions, versions_in(job.versions)),
        )

    def damage(self, job: Job) -> list[str]:
        """Differences between results and their manifest that Snakemake does not notice.

        Files that only the manifest names, such as a base's weights, may be missing.
        """
        made = read_job_manifest(job)
        names = dict.fromkeys((*made.files, *(Path(path).name for path in job.results)))
        damage = list(made.damage(Path(job.manifest), names))
        return [
            *misplaced(job, made),
            *(f"{one.path} was modified after it was built" for one in damage if not one.missing),
        ]

    @cache  # noqa: B019 - one instance a process
    def stale(self, job: Job) -> bool:
        """Whether the results will be rebuilt, for their own reasons or for those of an input."""
        return bool(self.reasons(job)) or any(map(self.stale, self.sources(job)))

    def sources(self, job: Job) -> Iterator[Job]:
        """The jobs whose results a job reads."""
        return (self._by_path[path] for path in job.inputs if path in self._by_path)

    def causes(self, job: Job) -> dict[str, list[Job]]:
        """Every reason to rebuild a job's results or those upstream, with the jobs that have it."""
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

    def _changed_inputs(self, then: Mapping[str, str], now: Iterable[str]) -> Iterator[str]:
        for path in sorted({*then, *now}):
            if path not in then:
                yield f"{path} is a new input"
            elif path not in now:
                yield f"{path} is no longer an input"
            elif Path(path).exists() and sha256_of_file(Path(path)) != then[path]:
                yield f"{path} has changed"


def changed_values(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Each name whose value has changed, as `name: before -> after`."""
    for name in sorted(then.keys() | now.keys()):
        before, after = (values.get(name, "absent") for values in (then, now))
        if before != after:
            yield f"{name}: {before} -> {after}"


def _template(made: Manifest) -> str | None:
    """The content of the prompt template as a parameter."""
    return None if made.template_sha256 is None else as_parameter(made.template_sha256)


def dotted(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by dotted names."""
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        if isinstance(inner, dict) and inner:
            flat |= dotted(inner, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = inner
    return flat
