"""The overview of a run on one screen: what it would do, why, and how long that last took; and what
jobs cost, which the checks and the display of a run ask for as well."""

import re
import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ecslm.common.errors import InputError
from ecslm.common.files import read_model
from ecslm.common.text import number_of
from ecslm.provenance.dag import Job
from ecslm.provenance.why import WIDTH, Changes
from ecslm.reports.run_display import PlannedJob
from ecslm.schemas.cost import CostFile
from ecslm.schemas.paths import TOP

OF_A_RESULT = re.compile(rf"^{TOP}/\S+")
BELOW = "their inputs are rebuilt"
# What jobs make that run or fetch a model; the others take seconds.
WORDS = {
    "base_model": "base",
    "train_adapter": "adapter",
    "predict": "prediction",
    "measure_latency": "latency measurement",
    "bertscore": "BERTScore",
    "export_model": "exported model",
}
SHORT = "short job"


# What jobs cost


def cost_in(files: Iterable[str]) -> CostFile | None:
    """What a job took when it last ran, if it has a file of that; None if it is not known there, as
    of recorded answers, or the file is missing or edited: that keeps no one from being told what
    would run."""
    for path in files:
        with suppress(InputError):
            cost = read_model(Path(path), CostFile)
            return None if cost.seconds is None or cost.device is None else cost
    return None


def takes_long(job: Job) -> bool:
    """Whether a job takes more than seconds: it runs a model, here or on a server."""
    return bool(job.resources.get("gpu") or job.resources.get("api"))


def planned_job(job: Any, records: Any, share: float = 0.0) -> PlannedJob:
    """A job of Snakemake's own graph, with the seconds that it last took, for the display of a run.

    Args:
        records: what Snakemake has noted of finished jobs, its `persistence`.
        share: of the cores or GPUs that it takes, if it is going to run.
    """
    # What a job measures counts work that was stopped and continued.
    cost = cost_in([str(job.output.cost)] if hasattr(job.output, "cost") else [])
    noted = records.metadata(job.output[0])
    seconds = cost.total if cost else None
    if not cost and noted and noted.starttime is not None and noted.endtime is not None:
        # None of results that were adopted.
        seconds = max(0.0, noted.endtime - noted.starttime) or None
    rule, model, task = job.rule.name, *(job.wildcards_dict.get(x, "") for x in ("model", "task"))
    alike = [(rule, model, task), (rule, model), (rule,), *([] if rule in WORDS else [("short",)])]
    return PlannedJob(seconds, tuple(alike), share)


# What a run would do


def overview(study: str, jobs: Sequence[Job]) -> str:
    """What `snakemake --cores all` would run for a study, by reason, that with the most jobs of
    models first, as plain text.

    Args:
        jobs: those that the target `all` needs, each after those whose results it reads.

    Raises:
        InputError: a manifest is broken.
    """
    changes = Changes(jobs)
    by_reasons: dict[str, list[Job]] = defaultdict(list)
    for job in (due := [job for job in jobs if job.due]):
        # Those that differ in the result that they are about are one.
        words = dict.fromkeys(OF_A_RESULT.sub("a result", one) for one in changes.reasons(job))
        by_reasons["; ".join(words) or BELOW].append(job)
    if not due:
        return f"Study {study}: nothing to do, all {len(jobs):,} jobs are up to date"
    lines = [f"Study {study}: {len(due):,} of {len(jobs):,} jobs would run"]
    lines += [*map(_filled, _times(due)), ""]

    def place(reasons: str) -> tuple[bool, int]:
        return reasons == BELOW, -sum(map(takes_long, by_reasons[reasons]))

    for reasons in sorted(by_reasons, key=place):
        concerned = by_reasons[reasons]
        lines += [textwrap.shorten(reasons, WIDTH, placeholder=" ...")]
        lines += [_filled(f"{counts_by_kind(concerned)}; first {concerned[0].files[0]}")]
    return "\n".join((*lines, "", "`python scripts/why.py FILE` explains one result"))


def _times(due: Sequence[Job]) -> Iterator[str]:
    """How long jobs last took, by device, and which have never run."""
    costs = {job: cost for job in due if (cost := cost_in(job.outputs.get("cost", ())))}
    for device, number in Counter(cost.device for cost in costs.values()).items():
        seconds = sum(cost.total for cost in costs.values() if cost.device == device)
        yield f"{time_text(seconds)} on {device}, as {number_of(number, 'job')} last took"
    if unknown := [job for job in due if takes_long(job) and job not in costs]:
        yield f"never timed: {counts_by_kind(unknown)}: `make check` estimates what it can"


def counts_by_kind(jobs: Iterable[Any]) -> str:
    """How many jobs of each kind, as in `3 adapters, 60 short jobs`; of Snakemake's, too."""
    counts = Counter(WORDS.get(str(job.rule), SHORT) for job in jobs)
    words = (word for word in (*WORDS.values(), SHORT) if counts[word])
    return ", ".join(number_of(counts[word], word) for word in words)


def time_text(seconds: float) -> str:
    """A time in the unit that suits it."""
    number, unit = (seconds / 60, "minute") if seconds < 5400 else (seconds / 3600, "hour")
    text = f"{number:,.0f}" if number >= 10 else f"{number:,.1f}"
    return f"{text} {unit}{'' if text == '1.0' else 's'}"


def _filled(text: str) -> str:
    lines = textwrap.wrap(text, WIDTH - 2, break_on_hyphens=False, break_long_words=False)
    return textwrap.indent("\n".join(lines), "  ")
