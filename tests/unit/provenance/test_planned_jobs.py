"""What a run's display knows of Snakemake's jobs before they run."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ecslm.provenance.planned_jobs import planned_job
from ecslm.reports.run_progress import PlannedJob

BASE = "results/bases/Small/manifest.json"


class Files(list[str]):
    """Paths, of which one may have the name `cost`."""


def planned(rule: str, record: Any, cost: Path | None = None, **wildcards: str) -> PlannedJob:
    outputs = Files(["result.json"])
    if cost:
        outputs.cost = str(cost)  # type: ignore[attr-defined]
    job = SimpleNamespace(
        rule=SimpleNamespace(name=rule),
        wildcards_dict=wildcards,
        input=[BASE, "dataset/PM/test.jsonl"],
        output=outputs,
    )
    return planned_job(job, SimpleNamespace(metadata={"result.json": record}.get), {"gpu": 1.0})


@pytest.mark.parametrize(("start", "end", "seconds"), [(100, 107.5, 7.5), (100, 90, None)])
def test_a_job_is_expected_to_take_what_snakemake_noted_unless_it_was_adopted(
    start: float, end: float, seconds: float | None
) -> None:
    found = planned("choose_baseline", SimpleNamespace(starttime=start, endtime=end))
    assert found == PlannedJob(
        seconds, (("choose_baseline", BASE), ("choose_baseline",), ("short",)), {"gpu": 1.0}
    )


def test_what_a_job_wrote_down_itself_counts_more(tmp_path: Path) -> None:
    cost = tmp_path / "PM.cost.json"
    cost.write_text(json.dumps({"device": "NVIDIA Z100", "seconds": 60, "load_seconds": 5}))
    record = SimpleNamespace(starttime=100, endtime=101)
    found = planned("predict", record, cost, model="Small-EC", task="PM")
    assert found.seconds == 65
    assert found.likenesses == (
        *(("predict", "Small-EC", "PM"), ("predict", BASE, "PM")),
        *(("predict", "Small-EC"), ("predict", BASE), ("predict",)),
    )


def test_of_a_job_that_never_ran_nothing_is_known() -> None:
    assert planned("score", None, model="Small", task="PM").seconds is None
