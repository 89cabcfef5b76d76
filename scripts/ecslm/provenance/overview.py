"""The overview of a run on one screen: what it would do, why, and what that costs, measured when
jobs last ran or estimated from similar ones."""

import re
import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from pydantic import BaseModel

from ecslm.common.errors import InputError
from ecslm.common.files import read_model
from ecslm.common.text import number_of
from ecslm.provenance.dag import Job
from ecslm.provenance.why import WIDTH, Changes
from ecslm.reports.run_display import PlannedJob
from ecslm.schemas.paths import BASES, TOP

OF_A_RESULT = re.compile(rf"^{TOP}/\S+")
MOST_CAUSES = 7
MOST_NAMES = 3
# What a job of a rule makes.
WORDS = {
    "base_model": "base",
    **dict.fromkeys(("check_data", "describe_data", "leakage", "data_card"), "data report"),
    "dataset": "dataset file",
    "train_adapter": "adapter",
    "fetch_answers": "answer file",
    "predict": "prediction",
    "measure_latency": "latency measurement",
    "bertscore": "BERTScore",
    **dict.fromkeys(("score", "score_baseline", "score_over_seeds"), "score"),
    "choose_baseline": "baseline choice",
    **dict.fromkeys(("differences", "compare"), "comparison"),
    "tidy_scores": "score file",
    "export_model": "exported model",
    "model_card": "model card",
    "render_table": "table",
    "draw_figures": "figure set",
    **dict.fromkeys(("report_page", "report_pdf"), "report"),
}
# Rules whose jobs run a model; that of BERTScores writes down no cost.
LONG = ("train_adapter", "predict", "measure_latency", "bertscore")


# What jobs cost


@dataclass(frozen=True)
class Cost:
    """Seconds of a job on its devices; `estimated` if it has not run here yet."""

    seconds: float
    """From start to end."""
    device: str
    estimated: bool = False

    @property
    def device_seconds(self) -> float:
        """Those of each device together: `2 x NVIDIA L4` are two."""
        number, _, _ = self.device.rpartition(" x ")
        return self.seconds * (int(number) if number.isdecimal() else 1)


class _CostFile(BaseModel):
    """What a cost.json says of time. That of an adapter also has the seconds of the job since it
    last began: if it was killed before that, less than those of training."""

    device: str
    seconds: float
    load_seconds: float = 0.0
    job_seconds: float = 0.0


def cost_in(path: Path) -> Cost | None:
    """The cost that a file tells; None if it is missing or edited, which should keep no one from
    being told what would run."""
    try:
        found = read_model(path, _CostFile)
    except InputError:
        return None
    return Cost(max(found.job_seconds, found.load_seconds + found.seconds), found.device)


class Costs:
    """Costs of the jobs that train, predict or measure latency; no others are measured."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        # By all that other jobs may have in common with those that have run.
        self._known: dict[tuple[str, ...], list[Cost]] = defaultdict(list)
        for job in jobs:
            if "cost" in job.outputs and (cost := cost_in(Path(*job.outputs["cost"]))):
                for likeness in ((job.manifest,), *likenesses(job.rule, job.key, job.inputs)):
                    self._known[likeness].append(cost)

    def expected(self, job: Job) -> Cost | None:
        """What the job cost when it last ran, or what jobs like it did; None if unknown."""
        if "cost" not in job.outputs:
            return None
        if (job.manifest,) in self._known:
            return self._known[job.manifest,][0]
        alike = likenesses(job.rule, job.key, job.inputs)
        return next((_mean(self._known[one]) for one in alike if one in self._known), None)


def takes_long(job: Job) -> bool:
    """Whether a job takes more than seconds: it runs a model, here or on a server."""
    return bool(job.resources.get("gpu") or job.resources.get("api"))


def likenesses(rule: str, key: Mapping[str, str], inputs: Iterable[str]) -> list[tuple[str, ...]]:
    """What jobs that take about as long have in common with one, the most similar first: its model
    or base, and its task.

    Args:
        key: its wildcards.
    """
    bases = [path for path in inputs if path.startswith(BASES)]
    names = [key["model"], *bases] if "model" in key else bases
    of_task = [(rule, name, key["task"]) for name in names] if "task" in key else []
    return [*of_task, *((rule, name) for name in names)]


def _mean(costs: Sequence[Cost]) -> Cost:
    """The mean over those of the device that most of them ran on."""
    ((device, _),) = Counter(cost.device for cost in costs).most_common(1)
    seconds = fmean(cost.seconds for cost in costs if cost.device == device)
    return Cost(seconds, device, estimated=True)


def planned_job(job: Any, records: Any, shares: Mapping[str, float] | None = None) -> PlannedJob:
    """A job of Snakemake's own graph, with the seconds that it last took, for the display of a run.

    Args:
        records: what Snakemake has noted of finished jobs, its `persistence`.
        shares: the share of each limited resource that it takes, if it is going to run.
    """
    # What a job measures counts work that was stopped and continued.
    cost = cost_in(Path(job.output.cost)) if hasattr(job.output, "cost") else None
    noted = records.metadata(job.output[0])
    seconds = cost.seconds if cost else None
    if not cost and noted and noted.starttime is not None and noted.endtime is not None:
        # None of results that were adopted.
        seconds = max(0.0, noted.endtime - noted.starttime) or None
    rule = job.rule.name
    alike = [*likenesses(rule, job.wildcards_dict, job.input), (rule,)]
    alike += [] if rule in LONG else [("short",)]
    return PlannedJob(seconds, tuple(alike), shares or {})


# What a run would do


def jobs_by_cause(changes: Changes) -> dict[tuple[str, ...], list[Job]]:
    """The jobs that would run, each once, by what they are due for: reasons of their own or, if
    they have none, those of a job whose results they read.

    Raises:
        InputError: a manifest is broken.
    """
    found: dict[tuple[str, ...], list[Job]] = defaultdict(list)
    cause_of: dict[Job, tuple[str, ...]] = {}
    for job in (job for job in changes.jobs if job.due):
        # Those that differ in the result that they are about are one.
        words = (OF_A_RESULT.sub("a result", one) for one in changes.reasons(job))
        above = (cause_of[one] for one in changes.sources(job) if one in cause_of)
        cause_of[job] = tuple(dict.fromkeys(words)) or next(above)
        found[cause_of[job]].append(job)
    return found


def overview(study: str, jobs: Iterable[Job]) -> str:
    """What `snakemake --cores all` would run for a study, by cause, the most expensive first: at
    most a screen of plain text.

    Args:
        jobs: those that the target `all` needs, each after those whose results it reads.

    Raises:
        InputError: a manifest is broken.
    """
    changes = Changes(jobs)
    if due := [job for job in changes.jobs if job.due]:
        title = f"Study {study}: {len(due):,} of {len(changes.jobs):,} jobs would run"
        return "\n".join((title, *_lines(changes, due)))
    return f"Study {study}: nothing to do, all {len(changes.jobs):,} jobs are up to date"


def _lines(changes: Changes, due: Sequence[Job]) -> Iterator[str]:
    costs = Costs(changes.jobs)
    expected = {job: cost for job in due if (cost := costs.expected(job))}

    def amount(jobs: Sequence[Job]) -> str:
        """How many jobs of each kind, and how long they take."""
        found = [expected[job] for job in jobs if job in expected]
        return _filled(counts_by_kind(jobs) + (f": {_hours(found)}" if found else ""))

    def weight(jobs: Sequence[Job]) -> tuple[float, int, int]:
        seconds = sum(expected[job].seconds for job in jobs if job in expected)
        return seconds, sum(map(takes_long, jobs)), len(jobs)

    by_device: dict[str, list[Cost]] = defaultdict(list)
    for cost in expected.values():
        by_device[cost.device].append(cost)
    for device, found in by_device.items():
        guessed = sum(cost.estimated for cost in found)
        have = f", of which {guessed:,} {'has' if guessed == 1 else 'have'} never run: estimated"
        yield _filled(
            f"{_hours(found)} ({device}), as {number_of(len(found), 'job')} last took"
            + (f"{have} from similar ones" if guessed else "")
        )
    if unknown := [job for job in due if takes_long(job) and job not in expected]:
        yield _filled(f"never timed: {counts_by_kind(unknown)}: `make check` estimates what it can")
    elif not by_device:
        yield "  no training and no prediction: seconds each"
    yield ""
    causes = sorted(jobs_by_cause(changes).items(), key=lambda one: weight(one[1]), reverse=True)
    for reasons, jobs in causes[:MOST_CAUSES]:
        names = _names([job for job in jobs if changes.reasons(job)], changes.jobs)
        about = f" ({names})" if names else ""
        room = max(WIDTH - len(about), 20)
        yield textwrap.shorten("; ".join(reasons), room, placeholder=" ...") + about
        yield amount(jobs)
    if more := causes[MOST_CAUSES:]:
        yield f"and {number_of(len(more), 'more cause')}"
        yield amount([job for _, jobs in more for job in jobs])
    yield "\n`python scripts/why.py FILE` explains one result"


def _names(concerned: Iterable[Job], jobs: Iterable[Job]) -> str:
    """The models, tasks and so on that jobs are about, if there are others of their kind."""
    rules = {job.rule for job in concerned}
    alike = [job for job in jobs if job.rule in rules]
    found: list[str] = []
    for name in ("base", "model", "seed", "task", "split", "table"):
        these, every = (
            list(dict.fromkeys(job.key[name] for job in some if name in job.key))
            for some in (concerned, alike)
        )
        if len(these) < len(every) or (name == "model" and len(these) == 1):
            prefix = "seed " if name == "seed" else ""
            found += [f"{prefix}{value}" for value in these[:MOST_NAMES]]
            found += [f"{len(these) - MOST_NAMES} more"] * (len(these) > MOST_NAMES)
    return ", ".join(found)


def counts_by_kind(jobs: Iterable[Any]) -> str:
    """How many jobs of each kind, for example `3 adapters, 24 predictions`; of Snakemake's, too."""
    counts = Counter(WORDS.get(str(job.rule), f"{job.rule} job") for job in jobs)
    order = [*WORDS.values(), *counts]
    return ", ".join(number_of(counts[word], word) for word in sorted(counts, key=order.index))


def _hours(costs: Iterable[Cost]) -> str:
    """A sum of times, for example `1.5 GPU-hours`; the costs of one device or several, each of
    which may be a CPU, a server's URL or a GPU."""
    sums: dict[str, float] = defaultdict(float)
    for cost in costs:
        of_server = "{} {} of a server" if "://" in cost.device else "{} GPU-{}"
        form = "{} {} on the CPU" if " CPU" in cost.device else of_server
        sums[form] += cost.device_seconds
    return " and ".join(time_text(seconds, form) for form, seconds in sums.items())


def time_text(seconds: float, form: str) -> str:
    """A time in the unit that suits it; a form such as `{} GPU-{}` takes number and unit."""
    number, unit = (seconds / 60, "minute") if seconds < 5400 else (seconds / 3600, "hour")
    text = f"{number:,.0f}" if number >= 10 else f"{number:,.1f}"
    return form.format(text, unit if text == "1.0" else f"{unit}s")


def _filled(text: str) -> str:
    return textwrap.indent(textwrap.fill(text, WIDTH - 2, break_on_hyphens=False), "  ")
