"""The jobs that a run is about to do, for its display: how many, and how long they may take."""

from collections.abc import Mapping, Sequence

from ecslm.common.text import number_of
from ecslm.plan.plan import Plan
from ecslm.provenance.costs import Costs
from ecslm.provenance.dag import Job
from ecslm.provenance.overview import counts_by_kind
from ecslm.provenance.snakemake_records import seconds_of
from ecslm.reports.run_progress import JobKey, PlannedJob


def planned_jobs(
    plan: Plan, all_jobs: Sequence[Job], due: Mapping[JobKey, Mapping[str, float]]
) -> tuple[str, dict[JobKey, PlannedJob]]:
    """A headline, and the jobs of the graph that are due.

    Args:
        due: the jobs that Snakemake is going to run, mere targets included, and the share of each
            limited resource that they take.
    """
    costs = Costs(plan, all_jobs)
    keys = {job: JobKey.of(job.rule, job.key) for job in all_jobs}
    jobs = [job for job, key in keys.items() if key in due]
    planned = {
        keys[job]: PlannedJob(
            _seconds(job, costs), tuple(_likenesses(plan, job, costs)), due[keys[job]]
        )
        for job in jobs
    }
    number = number_of(len(jobs), "job")
    return f"Study {plan.study.name}: {number}: {counts_by_kind(jobs)}", planned


def _seconds(job: Job, costs: Costs) -> float | None:
    # What is measured counts work that was stopped and continued, and work of similar jobs.
    cost = costs.expected(job)
    return seconds_of(job) if cost is None else cost.seconds


def _likenesses(plan: Plan, job: Job, costs: Costs) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = [(job.rule,)]
    if costs.is_measured(job):
        found.insert(0, (job.rule, job.key["model"]))
    elif plan.rules[job.rule].cheap:
        found.append(("cheap",))
    return found
