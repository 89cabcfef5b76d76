"""Hours and cost: measured where jobs ran before, else estimated, with what that rests on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.planned_runs import GPU, driver, node, planned_run
from support.plans import MODELS
from support.project import ROOT

from ecslm.common.files import write_json
from ecslm.estimates.devices import DEVICES, read_devices
from ecslm.plan.requests import requests_of
from ecslm.preflight import planned_run as planned
from ecslm.preflight.findings import Finding
from ecslm.preflight.hardware import met
from ecslm.preflight.planned_run import PlannedRun
from ecslm.preflight.profiles import Profile
from ecslm.preflight.time_needed import Hours, estimate_time, hours_on

CUDA = {"device": "cuda", "precision": {}, "architectures": {"Small": "SmolLM2-135M"}}


@pytest.fixture(autouse=True)
def one_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planned, "read_driver", lambda: driver(GPU))


def run(handed_out: int = 1, **study: object) -> PlannedRun:
    return planned_run(Profile("gpu", gpus=handed_out), **(CUDA | study))


def told(of: PlannedRun) -> list[str]:
    return [one.what for one in estimate_time(of)]


def took(hours: float, path: str, device: str = GPU.name) -> None:
    """Write down that a job took so long."""
    write_json(Path(f"results/shop/{path}cost.json"), {"seconds": hours * 3600, "device": device})


def test_what_never_ran_is_estimated_and_says_as_what() -> None:
    first, basis, numbers = told(run())
    assert " on NVIDIA Z100, estimated as NVIDIA A10G; " in first
    assert first.endswith(" USD at 1.006 USD an hour")
    assert basis.startswith("2 jobs estimated; price of NVIDIA A10G as of ")
    assert numbers.startswith("estimates rest on ")


def test_what_ran_here_counts_as_it_took() -> None:
    took(30, "adapters/Small-EC/seed-0/")
    took(12, "predictions/Small-EC/seed-0/PM.")
    first, basis = told(run())
    assert first.startswith("42 GPU-hours on NVIDIA Z100")
    assert basis.startswith("2 jobs as last measured, 0 jobs estimated")


@pytest.mark.parametrize(
    ("hours", "time", "price"),
    [(0.06, "7.2 minutes", "0.02 USD"), (0.01, "1.2 minutes", "less than 0.01 USD")],
)
def test_a_short_run_is_told_in_minutes_and_cents(hours: float, time: str, price: str) -> None:
    took(hours, "adapters/Small-EC/seed-0/", "x86_64 CPU, 2 threads")
    took(hours, "predictions/Small-EC/seed-0/PM.", "x86_64 CPU, 2 threads")
    first, *_ = told(run(device="cpu"))
    assert first.startswith(f"{time} on this CPU, ")
    assert f"; {price} at " in first


def test_what_ran_on_another_device_does_not_count() -> None:
    expected = told(run())
    took(30, "adapters/Small-EC/seed-0/", "NVIDIA Y50")
    took(30, "predictions/Small-EC/seed-0/PM.", "x86_64 CPU, 2 threads")
    assert told(run()) == expected


@pytest.mark.parametrize("kind", [GPU.name, "x86_64 CPU, 2 threads"])
@pytest.mark.parametrize("ran", [1, 2, 3])
@pytest.mark.parametrize("gpus", [1, 2, 3])
def test_a_training_counts_as_it_took_on_as_many_devices_alone(
    kind: str, ran: int, gpus: int
) -> None:
    took(30, "adapters/Small-EC/seed-0/", f"{ran} x {kind}" if ran > 1 else kind)
    changes = {} if kind == GPU.name else {"device": "cpu"}
    made = run(gpus, gpus=gpus, **changes)
    assert hours_on(made, met(made)).measured == (ran == gpus)


def test_a_training_on_several_gpus_counts_on_each() -> None:
    took(30, "adapters/Small-EC/seed-0/", f"2 x {GPU.name}")
    took(12, "predictions/Small-EC/seed-0/PM.")
    (first, *_) = estimate_time(run(2, gpus=2))
    assert first.what.startswith("72 GPU-hours")
    assert first.values["hours"] == pytest.approx(36)
    (first, *_) = estimate_time(run(8, gpus=2))
    assert first.values["hours"] == pytest.approx(30)


def test_with_several_gpus_the_longest_job_is_the_least_that_a_run_takes() -> None:
    took(30, "adapters/Small-EC/seed-0/")
    took(12, "predictions/Small-EC/seed-0/PM.")
    (first, *_) = estimate_time(run(4))
    assert "at least 30 hours with 4 at a time" in first.what
    assert first.values["hours"] == pytest.approx(30)
    assert first.values["device_hours"] == pytest.approx(42)
    assert first.values["usd"] == pytest.approx(42 * 1.006)


SOME = next(iter(read_devices(ROOT / DEVICES).values()))


def test_on_a_cluster_all_of_its_gpus_compute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planned, "read_nodes", lambda: (node(a100=4), node("n2", h100=4)))
    slurm = Profile("slurm", executor="slurm", gpus=1)
    (first, *_) = estimate_time(planned_run(slurm, **CUDA))
    assert "on a100, estimated as NVIDIA A100 SXM 80 GB, at least" in first.what
    assert "with 8 at a time" in first.what


def test_on_a_cluster_each_prediction_loads_the_model_and_here_one_of_a_seed_does() -> None:
    three = {"tasks": ["PM", "SA", "QPR"]}
    here, on_cluster = (
        planned_run(profile, **(CUDA | three))
        for profile in (Profile("gpu", gpus=1), Profile("slurm", executor="slurm", gpus=1))
    )
    on = met(here)
    requests = requests_of(here.plan.study)
    once, each = (
        requests.prediction("Small-EC", "PM", on.device, loads) for loads in (False, True)
    )
    assert once is not None
    assert each is not None
    more = hours_on(on_cluster, on).total - hours_on(here, on).total
    assert more * 3600 == pytest.approx(2 * (each.seconds - once.seconds))


HOURS = st.lists(st.floats(0.01, 1000), min_size=1, max_size=5)


@given(HOURS, st.integers(1, 99))
def test_more_devices_take_no_longer_and_never_less_than_the_longest_job(
    jobs: list[float], devices: int
) -> None:
    hours = Hours(SOME, sum(jobs), max(jobs), 0, len(jobs), (), (), ())
    one, more, most = (hours.at_least(count) for count in (1, devices, devices + 1))
    assert one == sum(jobs)
    assert one >= more >= most >= max(jobs)


def test_without_a_gpu_all_of_the_file_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planned, "read_driver", lambda: None)
    first, basis, numbers = estimate_time(run())
    assert all(f"price of {name} as of " in basis.what for name in first.values)
    assert all(any(name in line for line in numbers.details) for name in first.values)
    assert set(first.values) >= {"NVIDIA A10G", "NVIDIA H100 PCIe 80 GB"}
    assert all(name in first.what for name in first.values)
    assert not any("CPU" in name for name in first.values)
    assert first.values["NVIDIA A10G"] > first.values["NVIDIA H100 PCIe 80 GB"]


def test_models_of_unknown_size_are_named_and_not_counted() -> None:
    models = {"Small-EC": MODELS["Small-EC"] | {"seeds": [0]}, "Other": MODELS["Small"]}
    made = run(architectures={}, models=models)
    assert hours_on(made, met(made)).total == 0
    (line,) = [line for line in told(made) if line.startswith("not counted")]
    assert line == (
        "not counted: 1 adapter, 2 predictions (Small-EC, Other), since the size of the base is "
        "not known before it is fetched"
    )


def test_what_a_server_answers_is_named_and_no_time_of_a_device() -> None:
    server = {"url": "http://127.0.0.1:1/v1", "model": "m"}
    models = {"Served": {"backend": "openai", "template": "alpaca", "server": server}}
    assert told(run(models=models, tasks=["PM"])) == [
        "not counted: 1 prediction (Served), whose time and price are a server's"
    ]


def test_the_numbers_that_estimates_rest_on_are_in_the_json() -> None:
    (found,) = _with_details(estimate_time(run()))
    assert found.what.endswith(": `--json` has them")
    assert any(line.startswith("share of FLOP/s in training: ") for line in found.details)
    assert all(
        "(measured: " in one or "(assumed: " in one or "(published: " in one
        for one in found.details
    )


def test_a_run_without_models_needs_no_time_worth_telling() -> None:
    made = run()
    scores = tuple(job for job in made.jobs if job.rule == "score")
    assert not list(estimate_time(PlannedRun(made.plan, scores, made.profile)))


def _with_details(findings: Iterator[Finding]) -> list[Finding]:
    return [one for one in findings if one.details]
