"""What results were made from, and what has changed since.

A job's manifest says what its results were made from; `Job` says what they would be made from now.
"""

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ecslm.code_notes import code_changes
from ecslm.config import read_config
from ecslm.custody import unseen_results
from ecslm.files import InputError, sha256_of_file
from ecslm.jobs import Job, all_jobs
from ecslm.plan import CACHE, TEMPLATES, Plan
from ecslm.records.checking import CheckSettings, stored_report
from ecslm.records.settings import PathData
from ecslm.records.sources.path import labels, open_rows
from ecslm.report_plan import ReportPlan
from ecslm.tasks import CONFIG_FILE
from ecslm.trust import read_made


def add_study_options(parser: argparse.ArgumentParser) -> None:
    """The options that say which study is meant, as Snakemake has them."""
    parser.add_argument(
        "--configfile", type=Path, nargs="+", default=[], help="files over config.yaml, in order"
    )
    parser.add_argument("--study", help="entry of `studies` (default: the configuration's `study`)")


class Provenance:
    """The jobs of a study beside the manifests of their results."""

    def __init__(self, study: str, jobs: Iterable[Job]) -> None:
        self.study, self.jobs = study, tuple(jobs)
        self._read = {path for job in self.jobs for path in job.inputs}
        self._by_path = {path: job for job in self.jobs for path in (*job.results, job.manifest)}

    @classmethod
    def of_study(cls, configfiles: Sequence[Path], study: str | None) -> "Provenance":
        """Of a study as config.yaml and further files have it.

        Raises:
            InputError: the configuration has problems, or a file of the data source is missing.
        """
        plan = Plan(read_config([CONFIG_FILE, *configfiles], study, TEMPLATES))
        return cls(plan.config.study, all_jobs(plan, ReportPlan(plan)))

    def job_of(self, path: Path) -> Job:
        """The job that makes a file.

        Raises:
            InputError: the study has no such result.
        """
        job = self._by_path.get(path.as_posix())
        if job is None:
            raise InputError(
                f"{path}: no result of the study as it is configured now: name a file as in "
                f"{self.jobs[-1].results[0]}"
            )
        return job

    @cache  # noqa: B019 - one instance a process
    def reasons(self, job: Job) -> tuple[str, ...]:
        """Why the job's own results must be made anew; empty if they need not be."""
        if not Path(job.manifest).exists():
            return ("not made yet",)
        if unseen_results([job.manifest]):
            return ("the job that made it was stopped before its end was recorded",)
        made = read_made(job)
        return (
            *(f"{path} is missing" for path in self._wanted(job) if not Path(path).exists()),
            *_changed_values(dotted(made.settings), dotted(json.loads(job.settings or "{}"))),
            *(["the rows of the source have changed"] if job.content != made.content else []),
            *self._changed_inputs(made.inputs, job.inputs),
            *code_changes(made.code, job),
            *_changed_values(made.versions, _versions(job)),
        )

    def damage(self, job: Job) -> list[str]:
        """In words, how results differ from what their manifest describes, unseen by Snakemake."""
        files = read_made(job).files if Path(job.manifest).exists() else {}
        return [
            f"{path} was altered after it was made"
            for path in job.results
            if Path(path).exists() and self._sha256(path) != files.get(Path(path).name)
        ] + [
            f"{path} is missing"
            for path in job.results
            if path not in self._wanted(job) and not Path(path).exists()
        ]

    @cache  # noqa: B019 - one instance a process
    def stale(self, job: Job) -> bool:
        """Whether the results will be made anew, for their own reasons or for those of an input."""
        return bool(self.reasons(job)) or any(map(self.stale, self.sources(job)))

    def sources(self, job: Job) -> Iterator[Job]:
        """The jobs whose results a job reads."""
        return (self._by_path[path] for path in job.inputs if path in self._by_path)

    def causes(self, job: Job) -> dict[str, list[Job]]:
        """Every reason on the way to a job's results, with the jobs that have it."""
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

    def _wanted(self, job: Job) -> tuple[str, ...]:
        """Results that are made anew when they are missing: targets, and what jobs read."""
        return tuple(path for path in job.results if path in job.wanted or path in self._read)

    def _changed_inputs(self, then: Mapping[str, str], now: Iterable[str]) -> Iterator[str]:
        for path in sorted({*then, *now}):
            if path not in then:
                yield f"{path} is a new input"
            elif path not in now:
                yield f"{path} is no input any more"
            elif Path(path).exists() and self._sha256(path) != then[path]:
                yield f"{path} has changed"

    @cache  # noqa: B019 - one instance a process
    def _sha256(self, path: str) -> str:
        """Of a file as it is now; many jobs read the same ones."""
        return sha256_of_file(Path(path))


def check_source(plan: Plan, jobs: Iterable[Job]) -> None:
    """Refuse to make dataset files and the check of their source from files that are not here.

    Snakemake deletes a result before it makes it anew: those that are here would be lost.

    Raises:
        InputError: a file of the data source is missing, and one of these has to be made anew.
    """
    missing = plan.missing_source_files()
    if not missing:
        return
    history = Provenance(plan.config.study, jobs)
    for job in history.jobs:
        if job.rule in ("dataset", "check_data") and (reasons := history.reasons(job)):
            raise InputError(
                *(
                    f"{path}: no such file, but {job.results[0]} must be made anew: {reasons[0]}: "
                    "bring it back, or mend `data` of the study"
                    for path in missing
                )
            )


def check_local_data(plan: Plan, jobs: Iterable[Job]) -> None:
    """Check every row of local data before anything runs, unless the report on them is here.

    So a broken file is told of whole, in one go. The job that writes the report takes it from here.

    Raises:
        InputError: rows cannot be used, and it is not tolerated.
    """
    data = plan.study.data
    if not isinstance(data, PathData) or plan.missing_source_files():
        return
    if data.labels is not None and not Path(data.labels.path).exists():
        # The job fetches them; a dry run must not.
        return
    history = Provenance(plan.config.study, jobs)
    if not history.reasons(history.job_of(Path(plan.data_check()))):
        return
    settings = CheckSettings.model_validate_json(plan.check_settings())
    stored_report(
        CACHE,
        open_rows(data, CACHE),
        settings,
        labels(data) if settings.ranked else None,
        plan.check_code(),
    )


def _changed_values(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(then.keys() | now.keys()):
        before, after = (values.get(name, "absent") for values in (then, now))
        if before != after:
            yield f"{name}: {before} -> {after}"


def _versions(job: Job) -> dict[str, str]:
    versions: dict[str, str] = json.loads((job.versions or "versions:{}").partition(":")[2])
    return versions


def dotted(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by dotted names."""
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        if isinstance(inner, dict) and inner:
            flat |= dotted(inner, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = inner
    return flat
