"""What is known of Snakemake's jobs before they run, for the display of a run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ecslm.provenance.costs import LONG, cost_in, likenesses
from ecslm.reports.run_progress import PlannedJob


def planned_job(job: Any, records: Any, shares: Mapping[str, float] | None = None) -> PlannedJob:
    """A job of Snakemake's graph, with the seconds that it last took.

    Args:
        records: what Snakemake has noted of finished jobs, its `persistence`.
        shares: the share of each limited resource that it takes, if it is going to run.
    """
    cost = cost_in(Path(job.output.cost)) if hasattr(job.output, "cost") else None
    # What a job measures counts work that was stopped and continued.
    seconds = cost.seconds if cost else _recorded(records.metadata(job.output[0]))
    rule, names = job.rule.name, job.wildcards_dict
    alike = [*likenesses(rule, names, job.input), (rule,), *([] if rule in LONG else [("short",)])]
    return PlannedJob(seconds, tuple(alike), shares or {})


def _recorded(record: Any) -> float | None:
    """The seconds from start to end; None if unknown, or of results that were adopted."""
    if not record or record.starttime is None or record.endtime is None:
        return None
    return max(0.0, record.endtime - record.starttime) or None
