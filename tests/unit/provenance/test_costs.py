"""What jobs cost: what they took, or what those took that are most like them."""

from pathlib import Path
from typing import Any

import pytest
from support.graph import job_of, jobs_of
from support.plans import MODELS, plan
from support.project import ROOT

from ecslm.common.files import write_json
from ecslm.plan.plan import Plan
from ecslm.provenance.costs import Cost, Costs

GPU = "NVIDIA Z100"
ADAPTER = "results/shop/adapters/{}/seed-{}/cost.json"
PREDICTIONS = "results/shop/predictions/{}/seed-{}/{}.cost.json"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("resources").symlink_to(ROOT / "resources")


def shop() -> Plan:
    models = MODELS | {"Large": {"base": "Encoder", "template": "chatml"}}
    return plan(tasks=["PM", "SA"], models=models)


def expected(made: Plan, rule: str, model: str = "Small-EC", **key: object) -> Cost | None:
    return Costs(made, jobs_of(made)).expected(job_of(made, rule, model=model, **key))


def took(path: str, seconds: float, device: str = GPU, **more: Any) -> None:
    write_json(Path(path), {"seconds": seconds, "device": device, **more})


def test_a_job_is_expected_to_take_what_it_took() -> None:
    took(ADAPTER.format("Small-EC", 1), 60, job_seconds=80)
    took(PREDICTIONS.format("Small", 0, "PM"), 7, load_seconds=2)
    made = shop()
    assert Costs(made, jobs_of(made)).expected(
        job_of(made, "train_adapter", model="Small-EC", seed=1)
    ) == Cost(80, GPU)
    assert Costs(made, jobs_of(made)).expected(
        job_of(made, "predict", model="Small", seed=0, task="PM")
    ) == Cost(9, GPU)


def test_a_training_that_was_killed_is_expected_to_take_all_of_its_time_again() -> None:
    took(ADAPTER.format("Small-EC", 1), 3600, job_seconds=360)
    made = shop()
    assert Costs(made, jobs_of(made)).expected(
        job_of(made, "train_adapter", model="Small-EC", seed=1)
    ) == Cost(3600, GPU)


def test_one_that_never_ran_is_expected_to_take_what_the_most_similar_ones_took() -> None:
    made = shop()

    def now() -> Cost | None:
        return Costs(made, jobs_of(made)).expected(
            job_of(made, "predict", model="Small-EC", seed=1, task="PM")
        )

    assert now() is None
    took(PREDICTIONS.format("Large", 0, "PM"), 1)
    assert now() is None, "another base tells nothing"
    took(PREDICTIONS.format("Small", 0, "SA"), 10)
    assert now() == Cost(10, GPU, estimated=True)
    took(PREDICTIONS.format("Small-EC", 0, "SA"), 20)
    assert now() == Cost(20, GPU, estimated=True)
    took(PREDICTIONS.format("Small", 0, "PM"), 30)
    assert now() == Cost(30, GPU, estimated=True)
    took(PREDICTIONS.format("Small-EC", 0, "PM"), 40)
    assert now() == Cost(40, GPU, estimated=True)


def test_an_estimate_is_the_mean_on_the_device_that_most_ran_on() -> None:
    took(PREDICTIONS.format("Small-EC", 0, "PM"), 1, "x86_64 CPU, 2 threads")
    took(PREDICTIONS.format("Small-EC", 0, "SA"), 10)
    took(PREDICTIONS.format("Small-EC", 1, "SA"), 30)
    made = shop()
    assert Costs(made, jobs_of(made)).expected(
        job_of(made, "predict", model="Small-EC", seed=1, task="PM")
    ) == Cost(1, "x86_64 CPU, 2 threads", estimated=True)
    Path(PREDICTIONS.format("Small-EC", 0, "PM")).unlink()
    assert Costs(made, jobs_of(made)).expected(
        job_of(made, "predict", model="Small-EC", seed=0, task="PM")
    ) == Cost(20, GPU, estimated=True)


def test_a_cost_file_that_was_cut_counts_as_none() -> None:
    path = Path(ADAPTER.format("Small-EC", 0))
    path.parent.mkdir(parents=True)
    path.write_text('{"seconds": 1')
    made = shop()
    assert expected(made, "train_adapter", seed=0) is None


def test_other_jobs_write_down_no_cost() -> None:
    made = shop()
    assert expected(made, "score", model="Small", seed=0, task="PM") is None
