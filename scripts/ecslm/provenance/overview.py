"""The overview of a run on one screen: what it would do, why, and what that costs."""

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ecslm.common.text import number_of
from ecslm.plan.study import Study
from ecslm.provenance.costs import Cost, Costs, takes_long
from ecslm.provenance.dag import Job
from ecslm.provenance.why import Cause, Changes, find_causes

WIDTH = 100
MOST_CAUSES = 7
MOST_NAMES = 3
# What the jobs of a rule make, one and several.
WORDS = {
    "base_model": ("base", "bases"),
    **dict.fromkeys(
        ("check_data", "describe_data", "leakage", "data_card"),
        ("report on the data", "reports on the data"),
    ),
    "dataset": ("dataset file", "dataset files"),
    "train_adapter": ("adapter", "adapters"),
    "fetch_answers": ("file of answers", "files of answers"),
    "predict": ("prediction", "predictions"),
    "measure_latency": ("latency", "latencies"),
    "bertscore": ("BERTScore", "BERTScores"),
    **dict.fromkeys(("score", "score_baseline", "score_over_seeds"), ("score", "scores")),
    "choose_baseline": ("choice of a baseline", "choices of baselines"),
    **dict.fromkeys(("differences", "compare"), ("comparison", "comparisons")),
    "tidy_scores": ("file of scores", "files of scores"),
    "export_model": ("exported model", "exported models"),
    "model_card": ("model card", "model cards"),
    "render_table": ("table", "tables"),
    "draw_figures": ("set of figures", "sets of figures"),
    **dict.fromkeys(("report_page", "report_pdf"), ("report", "reports")),
}


@dataclass(frozen=True)
class Overview:
    """The jobs that `snakemake --cores all` would run, by cause."""

    study: str
    jobs: tuple[Job, ...]
    """All jobs that it would run or leave as they are."""
    causes: tuple[Cause, ...]
    """The most expensive first."""
    costs: Costs

    @classmethod
    def of(cls, plan: Study, jobs: Iterable[Job]) -> "Overview":
        """The overview of a study.

        Args:
            jobs: those that the target `all` needs.

        Raises:
            InputError: a manifest is broken.
        """
        changes = Changes(jobs)
        costs = Costs(changes.jobs)

        def weight(jobs: Sequence[Job]) -> tuple[float, int, int]:
            seconds = sum(cost.seconds for job in jobs if (cost := costs.expected(job)))
            return seconds, sum(map(takes_long, jobs)), len(jobs)

        return cls(plan.name, changes.jobs, tuple(find_causes(changes, weight)), costs)

    @property
    def planned(self) -> list[Job]:
        """The jobs that would run."""
        return [job for cause in self.causes for job in cause.counted]

    def __str__(self) -> str:
        """At most a screen of plain text."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        planned = self.planned
        if not planned:
            yield f"Study {self.study}: nothing to do, all {len(self.jobs):,} jobs are up to date"
            return
        yield f"Study {self.study}: {len(planned):,} of {len(self.jobs):,} jobs would run"
        yield from self._total(planned)
        yield ""
        for cause in self.causes[:MOST_CAUSES]:
            yield from self._cause(cause)
        if more := self.causes[MOST_CAUSES:]:
            yield f"and {number_of(len(more), 'more cause')}"
            yield _filled(self._amount([job for cause in more for job in cause.counted]), "  ")
        yield ""
        yield "`python scripts/why.py FILE` explains one result"

    def _total(self, planned: Sequence[Job]) -> Iterator[str]:
        """The total cost, and the jobs whose cost is unknown."""
        by_device: dict[str, list[Cost]] = {}
        unknown = []
        for job in planned:
            if cost := self.costs.expected(job):
                by_device.setdefault(cost.device, []).append(cost)
            elif takes_long(job):
                unknown.append(job)
        for device, costs in by_device.items():
            guessed = sum(cost.estimated for cost in costs)
            text = f"{_hours(costs)} ({device}), as {number_of(len(costs), 'job')} last took"
            if guessed:
                have = "has" if guessed == 1 else "have"
                text += f", of which {guessed:,} {have} never run: estimated from similar ones"
            yield _filled(text, "  ")
        if unknown:
            yield _filled(f"time unknown: {counts_by_kind(unknown)}", "  ")
        if not by_device and not unknown:
            yield "  no training and no prediction: seconds each"

    def _cause(self, cause: Cause) -> Iterator[str]:
        names = self._names(cause.concerned)
        about = f" ({names})" if names else ""
        yield (
            textwrap.shorten("; ".join(cause.reasons), WIDTH - len(about), placeholder=" ...")
            + about
        )
        if cause.counted:
            yield _filled(self._amount(cause.counted), "  ")
        else:
            yield _filled(f"all of it listed above: {self._amount(cause.reached)}", "  ")

    def _amount(self, jobs: Sequence[Job]) -> str:
        """How many jobs of each kind, and how long they take."""
        costs = [cost for job in jobs if (cost := self.costs.expected(job))]
        return counts_by_kind(jobs) + (f": {_hours(costs)}" if costs else "")

    def _names(self, jobs: Iterable[Job]) -> str:
        """The models, tasks and so on that jobs are about, if there are others of their kind."""
        rules = {job.rule for job in jobs}
        found = []
        for name in ("base", "model", "seed", "task", "split", "table"):
            these = _values(jobs, name)
            all_of_them = _values((job for job in self.jobs if job.rule in rules), name)
            only_one = name == "model" and len(these) == 1
            if only_one or len(these) < len(all_of_them):
                more = len(these) - MOST_NAMES
                prefix = "seed " if name == "seed" else ""
                found += [f"{prefix}{value}" for value in these[:MOST_NAMES]]
                found += [f"{more} more"] if more > 0 else []
        return ", ".join(found)


def _values(jobs: Iterable[Job], name: str) -> list[str]:
    return list(dict.fromkeys(job.key[name] for job in jobs if name in job.key))


def counts_by_kind(jobs: Iterable[Job]) -> str:
    """How many jobs of each kind, for example `3 adapters, 24 predictions`."""
    return counts_of(job.rule for job in jobs)


def counts_of(rules: Iterable[str]) -> str:
    """How many jobs of each kind, by the rule of each job."""
    counts = Counter(WORDS.get(rule, (f"{rule} job", f"{rule} jobs")) for rule in rules)
    order = [*WORDS.values(), *counts]
    counts = Counter({words: counts[words] for words in sorted(counts, key=order.index)})
    return ", ".join(f"{number:,} {words[number > 1]}" for words, number in counts.items())


def _hours(costs: Iterable[Cost]) -> str:
    """A sum of times, for example `1.5 GPU-hours`; the costs of one device or several."""
    sums: dict[str, float] = {}
    for cost in costs:
        form = _form(cost.device)
        sums[form] = sums.get(form, 0.0) + cost.device_seconds
    return " and ".join(time_text(seconds, form) for form, seconds in sums.items())


def _form(device: str) -> str:
    """The format of a time on a device, which may be a CPU, a server's URL or a GPU."""
    if " CPU" in device:
        return "{} {} on the CPU"
    return "{} {} of a server" if "://" in device else "{} GPU-{}"


def time_text(seconds: float, form: str) -> str:
    """A time in the unit that suits it; a form such as `{} GPU-{}` takes number and unit."""
    number, unit = (seconds / 60, "minute") if seconds < 5400 else (seconds / 3600, "hour")
    text = f"{number:,.0f}" if number >= 10 else f"{number:,.1f}"
    units = unit if text == "1.0" else f"{unit}s"
    return form.format(text, units)


def _filled(text: str, indent: str = "") -> str:
    return textwrap.fill(
        text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )
