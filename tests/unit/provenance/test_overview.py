"""What a run would do, told on one screen, and what its jobs cost."""

import json
from dataclasses import replace
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
from ecslm.provenance.overview import overview
from ecslm.reports.run_progress import PlannedJob

GPU = "NVIDIA Z100"
ADAPTER = "results/shop/adapters/{}/seed-{}/cost.json"
PREDICTIONS = "results/shop/predictions/{}/seed-{}/{}.cost.json"
CPU = "x86_64 CPU, 2 threads"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("report", "resources"):
        Path(name).symlink_to(ROOT / name)


def told(models: int = 1, **study: object) -> str:
    """The overview of a study of one task, of which nothing has been made."""
    some = {f"M{n}": MODELS["Small-EC"] | {"seeds": [0]} for n in range(models)}
    made = plan(tasks=["PM"], baselines=[], models=some, **study)
    return overview(made.name, jobs_of(made))


def test_jobs_stand_under_their_cause_with_the_time_of_each_device() -> None:
    amount = [
        "  1 base, 4 reports on the data, 3 dataset files, 1 adapter, 1 prediction, 1 score, 1 "
        "file of",
        "  scores, 1 table, 1 set of figures, 1 report",
    ]
    assert told().splitlines() == [
        "Study shop: 15 of 15 jobs would run",
        "  time unknown: 1 adapter, 1 prediction",
        "",
        "not built yet (M0)",
        *amount,
        "",
        "`python scripts/why.py FILE` explains one result",
    ]
    costs = {"adapters/M0/seed-0/cost": (5400, "Z100"), "predictions/M0/seed-0/PM.cost": (60, CPU)}
    for name, (seconds, device) in costs.items():
        write_json(Path(f"results/shop/{name}.json"), {"seconds": seconds, "device": device})
    assert told().splitlines()[1:-2] == [
        "  1.5 GPU-hours (Z100), as 1 job last took",
        f"  1.0 minute on the CPU ({CPU}), as 1 job last took",
        "",
        "not built yet (M0)",
        amount[0],
        f"{amount[1]}: 1.5 GPU-hours and 1.0 minute on the CPU",
    ]


@pytest.mark.parametrize(
    ("device", "line"),
    [
        ("2 x Z100", "3.0 GPU-hours (2 x Z100), as 1 job last took"),
        ("large-1 at https://a.b/v1", "1.5 hours of a server (large-1 at https://a.b/v1), as"),
    ],
)
def test_hours_are_those_of_each_gpu_and_none_of_a_server(device: str, line: str) -> None:
    cost = {"seconds": 5400, "device": device}
    write_json(Path("results/shop/predictions/M0/seed-0/PM.cost.json"), cost)
    assert told().splitlines()[1].startswith(f"  {line}")


def test_a_finished_study_takes_one_line() -> None:
    made = plan(tasks=["PM"], baselines=[], models={"M0": MODELS["Small-EC"]})
    done = [replace(job, due=False) for job in jobs_of(made)]
    line = f"Study shop: nothing to do, all {len(done)} jobs are up to date"
    assert overview("shop", done) == line


def test_what_never_ran_is_estimated() -> None:
    cost = Path("results/shop/adapters/M0/seed-0/cost.json")
    write_json(cost, {"seconds": 5400, "device": "Z100"})
    assert told(models=2).splitlines()[1:3] == [
        "  3.0 GPU-hours (Z100), as 2 jobs last took, of which 1 has never run: estimated from "
        "similar ones",
        "  time unknown: 2 predictions",
    ]


def test_more_causes_than_fit_are_summed_up() -> None:
    """A model that was made with other settings each, so that each is a cause of its own."""
    names = [f"M{n}" for n in range(9)]
    template = {"base": "Small", "template": "chatml"}
    made = plan(tasks=["PM"], baselines=[], models=dict.fromkeys(names, template))
    for name in names:
        one = job_of(made, "predict", model=name, seed=0, task="PM")
        settings = json.loads(one.params["settings"]) | {"shots": name}
        origin = {"inputs": {}, "code": one.params["code"], "settings": settings, "versions": {}}
        write_json(Path(one.manifest), {**origin, "files": {}})
    jobs = [replace(job, due=True) for job in jobs_of(made)]
    lines = overview("shop", jobs).splitlines()
    assert len(lines) < 30
    assert [line for line in lines if line.startswith("and ")] == ["and 3 more causes"]


# What jobs took, or those that are most like them


def shop() -> Study:
    models = MODELS | {"Large": {"base": "Encoder", "template": "chatml"}}
    return plan(tasks=["PM", "SA"], models=models)


def expected(rule: str, **key: object) -> Cost | None:
    made = shop()
    return Costs(jobs_of(made)).expected(job_of(made, rule, **key))


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


def test_a_job_takes_what_it_wrote_down_or_what_snakemake_noted_unless_it_was_adopted() -> None:
    noted = SimpleNamespace(starttime=100, endtime=107.5)
    found = planned("choose_baseline", noted)
    alike = (("choose_baseline", BASE), ("choose_baseline",), ("short",))
    assert found == PlannedJob(7.5, alike, {"gpu": 1.0})
    assert planned("score", SimpleNamespace(starttime=100, endtime=90)).seconds is None
    assert planned("score", None, model="Small", task="PM").seconds is None
    took("PM.cost.json", 60, load_seconds=5)
    found = planned("predict", noted, Path("PM.cost.json"), model="Small-EC", task="PM")
    assert found.seconds == 65
    assert found.likenesses[::2] == (
        ("predict", "Small-EC", "PM"),
        ("predict", "Small-EC"),
        ("predict",),
    )
