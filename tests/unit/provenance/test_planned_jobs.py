"""What a run's display knows of the jobs before they run."""

from pathlib import Path

import pytest
from support.graph import job_of, jobs_of
from support.plans import plan
from support.project import ROOT

from ecslm.common.files import write_json
from ecslm.plan.plan import Plan
from ecslm.provenance import snakemake_records
from ecslm.provenance.dag import Job
from ecslm.provenance.planned_jobs import planned_jobs
from ecslm.reports.run_progress import JobKey, PlannedJob

GPU = {"gpu": 1.0, "_cores": 0.5}
RECORD = {"starttime": 100.0, "endtime": 107.5}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("resources").symlink_to(ROOT / "resources")
    snakemake_records.RECORDS.mkdir(parents=True)


def score(made: Plan, task: str) -> Job:
    return job_of(made, "score", model="Small", seed=0, task=task)


def key(job: Job) -> JobKey:
    return JobKey.of(job.rule, job.key)


def record(job: Job, content: object) -> None:
    write_json(snakemake_records._record_path(snakemake_records.RECORDS, job.manifest), content)


def test_the_headline_counts_what_is_due_and_a_target_is_no_job() -> None:
    made = plan(tasks=["PM", "SA"])
    due = [
        job_of(made, "train_adapter", model="Small-EC", seed=0),
        score(made, "PM"),
        job_of(made, "score", model="Small", seed=0, task="SA"),
    ]
    headline, planned = planned_jobs(
        made, jobs_of(made), {JobKey.of("all", {}): {}, **{key(job): GPU for job in due}}
    )
    assert headline == "Study shop: 3 jobs: 1 adapter, 2 scores"
    assert planned.keys() == {key(job) for job in due}
    assert planned[key(due[0])].shares == GPU


def test_a_job_is_expected_to_take_what_snakemake_noted() -> None:
    made = plan(tasks=["PM"])
    one = score(made, "PM")
    due = {key(one): GPU}
    unknown = PlannedJob(None, (("score",), ("cheap",)), GPU)
    assert planned_jobs(made, jobs_of(made), due)[1] == {key(one): unknown}
    record(one, RECORD)
    assert planned_jobs(made, jobs_of(made), due)[1][key(one)].seconds == 7.5


@pytest.mark.parametrize("content", [{}, {**RECORD, "endtime": 90.0}], ids=["other", "adopted"])
def test_a_record_that_tells_no_time_is_left_out(content: object) -> None:
    made = plan(tasks=["PM"])
    one = score(made, "PM")
    record(one, content)
    assert planned_jobs(made, jobs_of(made), {key(one): GPU})[1][key(one)].seconds is None


def test_what_a_job_wrote_down_itself_counts_more() -> None:
    made = plan(tasks=["PM"])
    one = job_of(made, "predict", model="Small-EC", seed=0, task="PM")
    record(one, RECORD)
    write_json(
        Path("results/shop/predictions/Small-EC/seed-0/PM.cost.json"),
        {"device": "NVIDIA Z100", "seconds": 60, "load_seconds": 5},
    )
    (planned,) = planned_jobs(made, jobs_of(made), {key(one): GPU})[1].values()
    assert planned == PlannedJob(65, (("predict", "Small-EC"), ("predict",)), GPU)
