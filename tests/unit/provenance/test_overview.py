"""What a run would do, told on one screen, and what its jobs cost."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from support.plans import MODELS, plan
from support.stated_jobs import job_of, jobs_of

from ecslm.common.files import write_json
from ecslm.provenance.overview import Cost, Costs, overview, planned_job
from ecslm.reports.run_display import PlannedJob

GPU, CPU = "NVIDIA Z100", "x86_64 CPU, 2 threads"
RESULTS = "results/shop"
ADAPTER = "adapters/{}/seed-{}/"
PREDICTIONS = "predictions/{}/seed-{}/{}."
ASK = ": `make check` estimates what it can"


def took(path: str, seconds: float, device: str = GPU, **more: Any) -> None:
    write_json(Path(f"{RESULTS}/{path}cost.json"), {"seconds": seconds, "device": device, **more})


def told(models: int = 1) -> list[str]:
    """The overview of a study of one task, of which nothing has been made."""
    some = {f"M{n}": MODELS["Small-EC"] | {"seeds": [0]} for n in range(models)}
    made = plan(tasks=["PM"], baselines=[], models=some)
    return overview(made.name, jobs_of(made)).splitlines()


def test_jobs_stand_under_their_cause_with_the_time_of_each_device() -> None:
    amount = [
        "  1 base, 4 data reports, 3 dataset files, 1 adapter, 1 prediction, 1 score, 1",
        "  score file, 1 table, 1 figure set, 1 report",
    ]
    first = ["Study shop: 15 of 15 jobs would run", f"  never timed: 1 adapter, 1 prediction{ASK}"]
    assert told()[:-1] == [*first, "", "not built yet (M0)", *amount, ""]
    assert told()[-1].startswith("`python scripts/why.py FILE` explains one")
    took(ADAPTER.format("M0", 0), 5400, "2 x Z100")
    took(PREDICTIONS.format("M0", 0, "PM"), 60, CPU)
    assert told()[1:-2] == [
        "  3.0 GPU-hours (2 x Z100), as 1 job last took",
        f"  1.0 minute on the CPU ({CPU}), as 1 job last took",
        "",
        "not built yet (M0)",
        amount[0],
        f"{amount[1]}: 3.0 GPU-hours and 1.0 minute on",
        "  the CPU",
    ]
    took(PREDICTIONS.format("M0", 0, "PM"), 5400, server := "large-1 at https://a.b/v1")
    assert told()[2] == f"  1.5 hours of a server ({server}), as 1 job last took"


def test_what_never_ran_is_estimated_and_a_finished_study_takes_one_line() -> None:
    took(ADAPTER.format("M0", 0), 5400, "Z100")
    assert told(models=2)[1:4] == [
        "  3.0 GPU-hours (Z100), as 2 jobs last took, of which 1 has never run: estimated",
        "  from similar ones",
        f"  never timed: 2 predictions{ASK}",
    ]
    done = [replace(job, due=False) for job in jobs_of(plan(tasks=["PM"]))]
    line = f"Study shop: nothing to do, all {len(done)} jobs are up to date"
    assert overview("shop", done) == line


def test_more_causes_than_fit_are_summed_up() -> None:
    """A model that was made with other settings each, so that each is a cause of its own."""
    names = [f"M{n}" for n in range(9)]
    made = plan(tasks=["PM"], baselines=[], models=dict.fromkeys(names, MODELS["Small"]))
    for name in names:
        one = job_of(made, "predict", model=name, seed=0, task="PM")
        settings = json.loads(one.params["settings"]) | {"shots": name}
        origin = {"inputs": {}, "code": one.params["code"], "settings": settings, "versions": {}}
        write_json(Path(one.manifest), {**origin, "files": {}})
    lines = overview("shop", [replace(job, due=True) for job in jobs_of(made)]).splitlines()
    assert len(lines) < 35
    assert all(len(line) <= 80 for line in lines)
    assert [line for line in lines if line.startswith("and ")] == ["and 3 more causes"]


# What jobs took, or those that are most like them


def expected(rule: str, **key: object) -> Cost | None:
    models = MODELS | {"Large": {"base": "Encoder", "template": "chatml"}}
    made = plan(tasks=["PM", "SA"], models=models)
    return Costs(jobs_of(made)).expected(job_of(made, rule, **key))


def test_a_job_is_expected_to_take_what_it_took() -> None:
    adapter, training = ADAPTER.format("Small-EC", 1), {"model": "Small-EC", "seed": 1}
    took(PREDICTIONS.format("Small", 0, "PM"), 7, load_seconds=2)
    assert expected("predict", model="Small", seed=0, task="PM") == Cost(9, GPU)
    took(adapter, 60, job_seconds=80)
    assert expected("train_adapter", **training) == Cost(80, GPU)
    # A training that was killed takes all of its time again.
    took(adapter, 3600, job_seconds=360)
    assert expected("train_adapter", **training) == Cost(3600, GPU)
    # Others write down no cost, and a file that was cut tells none.
    assert expected("score", model="Small", seed=0, task="PM") is None
    Path(f"{RESULTS}/{adapter}cost.json").write_text('{"seconds": 1')
    assert expected("train_adapter", **training) is None


def test_one_that_never_ran_is_expected_to_take_the_mean_of_the_most_similar_ones() -> None:
    one = {"model": "Small-EC", "seed": 1, "task": "PM"}
    # Another base tells nothing.
    took(PREDICTIONS.format("Large", 0, "PM"), 1)
    assert expected("predict", **one) is None
    for seconds, of in enumerate((("Small", "SA"), ("Small-EC", "SA"), ("Small", "PM")), 10):
        took(PREDICTIONS.format(of[0], 0, of[1]), seconds)
        assert expected("predict", **one) == Cost(seconds, GPU, estimated=True)
    # Of those that ran on the device of most of them.
    for seed, seconds in enumerate((10, 30)):
        took(PREDICTIONS.format("Small-EC", seed, "SA"), seconds)
    Path(f"{RESULTS}/{PREDICTIONS.format('Small', 0, 'PM')}cost.json").unlink()
    took(PREDICTIONS.format("Small", 0, "SA"), 1, CPU)
    assert expected("predict", **one) == Cost(20, GPU, estimated=True)


# What a run's display knows of Snakemake's jobs


def test_a_job_takes_what_it_wrote_down_or_what_snakemake_noted_unless_it_was_adopted() -> None:
    base = "results/bases/Small/manifest.json"

    class Files(list[str]):
        """Paths, of which one may have the name `cost`."""

    def planned(rule: str, start: float, end: float, cost: str = "", **key: str) -> PlannedJob:
        outputs = Files(["result.json"])
        if cost:
            outputs.cost = cost  # type: ignore[attr-defined]
        named = SimpleNamespace(name=rule)
        job = SimpleNamespace(rule=named, wildcards_dict=key, input=[base], output=outputs)
        noted = {"result.json": SimpleNamespace(starttime=start, endtime=end)}
        return planned_job(job, SimpleNamespace(metadata=noted.get), {"gpu": 1.0})

    alike = (("choose_baseline", base), ("choose_baseline",), ("short",))
    found = planned("choose_baseline", 100, 107.5)
    assert found == PlannedJob(7.5, alike, {"gpu": 1.0})
    assert planned("score", 100, 90).seconds is None
    took("", 60, load_seconds=5)
    found = planned("predict", 1, 2, f"{RESULTS}/cost.json", model="Small-EC", task="PM")
    assert found.seconds == 65
    of_model = ("predict", "Small-EC")
    assert found.likenesses[::2] == ((*of_model, "PM"), of_model, ("predict",))
