"""What jobs ask a scheduler for against what they took: memory and time, by kind of job.

Measured are the jobs of a study that has run here: peak memory and seconds are those of the files
`cost.json`; jobs that write none, such as BERTScores, have no row. The estimate is that of the
device named; the request has margins, and the time of a slower device.
"""

import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support.stated_jobs import StatedJob, all_jobs_of

from ecslm.common.errors import InputError
from ecslm.common.files import read_json
from ecslm.estimates.estimate import MIB
from ecslm.plan.requests import requests_of
from ecslm.plan.study import Choice, Study
from ecslm.script import run_script

# In what order they run.
RULES = ("train_adapter", "predict", "measure_latency", "bertscore", "export_model")


@dataclass(frozen=True)
class Measured:
    """What a job took: MiB, and seconds."""

    peak: float
    seconds: float


@dataclass(frozen=True)
class Compared:
    """A job with what was estimated of it, asked for and measured: MiB, and seconds."""

    rule: str
    asked: float
    minutes: int
    estimated: float
    estimated_seconds: float
    measured: Measured


def main(
    configfile: Sequence[Path] = (),
    study: str | None = None,
    device: str = "two CPU cores with AVX512-BF16",
) -> None:
    """
    Args:
        configfile: further configuration files
        study: of config.yaml; the default is the study that it selects
        device: a row of resources/devices.csv
    """
    plan = Choice(configfile, study).read()
    by_rule = defaultdict(list)
    for one in compared(plan, device):
        by_rule[one.rule].append(one)
    if not by_rule:
        raise InputError(f"{plan.results}: no job of a model has run: run the study first")
    print(
        "| job | jobs | asked, MiB | estimate, MiB | measured, MiB | asked / measured "
        "| limit, min | estimate, s | measured, s |\n|---|---|---|---|---|---|---|---|---|"
    )
    for rule in filter(by_rule.__contains__, RULES):
        print(row(rule, by_rule[rule]), flush=True)


def compared(plan: Study, device: str) -> Iterator[Compared]:
    """The jobs that have run."""
    requests = requests_of(plan)
    known = requests.devices[device].with_threads(plan.settings.threads)
    for job in all_jobs_of(plan):
        estimate = requests.of_key(job.rule, job.key, known)
        measured = measure(job)
        if estimate is None or measured is None:
            continue
        yield Compared(
            job.rule,
            job.resources["mem_mb"],
            job.resources["runtime"],
            estimate.host / MIB,
            estimate.seconds,
            measured,
        )


def measure(job: StatedJob) -> Measured | None:
    """What a job took when it last ran, None if it has not."""
    for cost in filter(Path.is_file, map(Path, job.outputs.get("cost", ()))):
        found = read_json(cost)
        seconds = found.get("job_seconds") or found["load_seconds"] + found["seconds"]
        return Measured(float(found["peak_memory_bytes"]) / MIB, float(seconds))
    return None


def row(rule: str, jobs: Sequence[Compared]) -> str:
    """The smallest and the largest value of jobs of one kind."""
    ratios = [one.asked / one.measured.peak for one in jobs]
    cells = [
        span([one.asked for one in jobs]),
        span([one.estimated for one in jobs]),
        span([one.measured.peak for one in jobs]),
        span(ratios, ".2f"),
        span([one.minutes for one in jobs]),
        span([one.estimated_seconds for one in jobs]),
        span([one.measured.seconds for one in jobs]),
    ]
    return f"| {rule} | {len(jobs)} | {' | '.join(cells)} |"


def span(values: Sequence[float], form: str = ",.0f") -> str:
    """From the smallest to the largest."""
    low, high = f"{min(values):{form}}", f"{max(values):{form}}"
    return low if low == high else f"{low} to {high}"


if __name__ == "__main__":
    run_script(main)
