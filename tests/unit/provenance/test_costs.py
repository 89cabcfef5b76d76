"""What jobs cost: what they took, or what those took that are most like them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.plans import MODELS, plan
from support.project import ROOT
from support.stated_jobs import job_of, jobs_of

from ecslm.common.files import write_json
from ecslm.plan.study import Study
from ecslm.provenance.costs import Cost, Costs, planned_job
from ecslm.reports.run_progress import PlannedJob

GPU = "NVIDIA Z100"
ADAPTER = "results/shop/adapters/{}/seed-{}/cost.json"
PREDICTIONS = "results/shop/predictions/{}/seed-{}/{}.cost.json"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("resources").symlink_to(ROOT / "resources")


def shop() -> Study:
    models = MODELS | {"Large": {"base": "Encoder", "template": "chatml"}}
    return plan(tasks=["PM", "SA"], models=models)


def expected(rule: str, **key: object) -> Cost | None:
    made = shop()
    return Costs(made, jobs_of(made)).expected(job_of(made, rule, **key))


def took(path: str, seconds: float, device: str = GPU, **more: Any) -> None:
    write_json(Path(path), {"seconds": seconds, "device": device, **more})


def test_a_job_is_expected_to_take_what_it_took() -> None:
    took(ADAPTER.format("Small-EC", 1), 60, job_seconds=80)
    took(PREDICTIONS.format("Small", 0, "PM"), 7, load_seconds=2)
    assert expected("train_adapter", model="Small-EC", seed=1) == Cost(80, GPU)
    assert expected("predict", model="Small", seed=0, task="PM") == Cost(9, GPU)
    # A training that was killed takes all of its time again.
    took(ADAPTER.format("Small-EC", 1), 3600, job_seconds=360)
    assert expected("train_adapter", model="Small-EC", seed=1) == Cost(3600, GPU)
    # Others write down no cost, and a file that was cut tells none.
    assert expected("score", model="Small", seed=0, task="PM") is None
    Path(ADAPTER.format("Small-EC", 1)).write_text('{"seconds": 1')
    assert expected("train_adapter", model="Small-EC", seed=1) is None


def test_one_that_never_ran_is_expected_to_take_what_the_most_similar_ones_took() -> None:
    one = {"model": "Small-EC", "seed": 1, "task": "PM"}
    # Another base tells nothing.
    took(PREDICTIONS.format("Large", 0, "PM"), 1)
    assert expected("predict", **one) is None
    for seconds, of in enumerate((("Small", "SA"), ("Small-EC", "SA"), ("Small", "PM")), 10):
        took(PREDICTIONS.format(of[0], 0, of[1]), seconds)
        assert expected("predict", **one) == Cost(seconds, GPU, estimated=True)


def test_an_estimate_is_the_mean_on_the_device_that_most_ran_on() -> None:
    took(PREDICTIONS.format("Small", 0, "SA"), 1, "x86_64 CPU, 2 threads")
    took(PREDICTIONS.format("Small-EC", 0, "SA"), 10)
    took(PREDICTIONS.format("Small-EC", 1, "SA"), 30)
    mean = Cost(20, GPU, estimated=True)
    assert expected("predict", model="Small-EC", seed=1, task="PM") == mean
    assert expected("predict", model="Small-EC", seed=0, task="PM") == mean


# What a run's display knows of Snakemake's jobs


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
def test_a_job_takes_what_snakemake_noted_unless_it_was_adopted(
    start: float, end: float, seconds: float | None
) -> None:
    found = planned("choose_baseline", SimpleNamespace(starttime=start, endtime=end))
    assert found == PlannedJob(
        seconds, (("choose_baseline", BASE), ("choose_baseline",), ("short",)), {"gpu": 1.0}
    )
    assert planned("score", None, model="Small", task="PM").seconds is None


def test_what_a_job_wrote_down_itself_counts_more() -> None:
    took("PM.cost.json", 60, load_seconds=5)
    record = SimpleNamespace(starttime=100, endtime=101)
    found = planned("predict", record, Path("PM.cost.json"), model="Small-EC", task="PM")
    assert found.seconds == 65
    assert found.likenesses[::2] == (
        ("predict", "Small-EC", "PM"),
        ("predict", "Small-EC"),
        ("predict",),
    )
