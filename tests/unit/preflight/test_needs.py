"""Hours and cost of a run; a model that does not fit is told before it."""

from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest
from support.planned_runs import GPU, driver, lines, planned_run
from support.plans import MODELS
from support.project import ROOT

from ecslm.plan.study import Choice
from ecslm.preflight import findings as planned
from ecslm.preflight.findings import Finding, PlannedRun
from ecslm.preflight.machine import met
from ecslm.preflight.needs import check_memory, check_time, seconds_on
from ecslm.preflight.profiles import Profile
from ecslm.provenance.dag import Job

CUDA = {"device": "cuda", "precision": {}, "architectures": {"Small": "SmolLM2-135M"}}
SLURM = Profile("slurm", executor="slurm", gpus=1)


@pytest.fixture(autouse=True)
def machines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planned, "read_driver", lambda: driver(GPU))


def run(handed_out: int = 1, **study: object) -> PlannedRun:
    return planned_run(Profile("gpu", gpus=handed_out), **(CUDA | study))


@pytest.mark.parametrize("at_once", [1, 2, 8])
def test_hours_and_cost_count_each_gpu_and_jobs_wait_for_one_another(at_once: int) -> None:
    one = run(at_once, gpus=2)
    training, prediction = seconds_on(one, one.gpu_jobs, met(one)[0]).values()
    (found,) = check_time(one)
    assert found.values == {GPU.name: pytest.approx((2 * training + prediction) / 3600)}
    wall = max((2 * training + prediction) / at_once, training, prediction) / 60
    assert (f", at least {wall:.1f} minutes, " in found.message) == (at_once > 1)
    assert " of NVIDIA Z100, " in found.message
    assert f"{found.values[GPU.name] * 1.006:.2f} USD at 1.006 an hour; est" in found.message
    assert found.message.endswith("estimated as on NVIDIA A10G")


@pytest.mark.parametrize("profile", [Profile("gpu", gpus=1), SLURM])
def test_without_a_known_gpu_all_are_shown(
    profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planned, "read_driver", lambda: None if profile.is_local else driver(GPU))
    (found,) = check_time(planned_run(profile, **CUDA))
    assert set(found.values) >= {"NVIDIA A10G", "NVIDIA H100 PCIe 80 GB"}
    assert all(name in found.message and "CPU" not in name for name in found.values)
    assert found.values["NVIDIA A10G"] > found.values["NVIDIA H100 PCIe 80 GB"]


def test_a_model_is_loaded_once_here_and_by_each_job_of_a_cluster() -> None:
    loading = {}
    for profile in (Profile("gpu", gpus=1), SLURM):
        one = planned_run(profile, **CUDA, tasks=["PM", "SA"])
        seconds = seconds_on(
            one, [job for job in one.gpu_jobs if job.rule == "predict"], met(one)[0]
        )
        loading[profile.name] = sum(seconds.values())
    assert loading["slurm"] - loading["gpu"] > 60


def test_jobs_whose_time_nobody_knows_are_named_and_not_counted() -> None:
    server = {"url": "http://127.0.0.1:1/v1", "model": "m"}
    served = {"backend": "openai", "template": "alpaca", "server": server}
    models = {"Other": MODELS["Small"], "Served": served}
    (found,) = check_time(run(architectures={}, models=models))
    assert found.message.startswith("not counted: 2 predictions: of servers, or of bases")


GB = 10**9
# A base of three billion parameters, and prompts of up to 64,000 tokens at a time.
LARGE: dict[str, Any] = {
    "device": "cuda",
    "precision": {"quantization": "nf4", "dtype": "bfloat16"},
    "architectures": {"Small": "Llama-3.2-3B"},
    "batch_tokens": 64000,
    "training": {"batch_tokens": 16000},
    "decoding": {"max_length": 4000},
}
AUTO = {"training": {"batch_tokens": "auto"}}
EXACT = {"training": {"batch_tokens": 16000, "deterministic": True}}
HALVED = {"decoding": {"max_length": 4000, "oom": "halve"}}


def fits(memory: float | None, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> list[Finding]:
    """The findings on a GPU of so many GB."""
    found = None if memory is None else driver(replace(GPU, memory=round(memory * GB)))
    monkeypatch.setattr(planned, "read_driver", lambda: found)
    return list(check_memory(run(**(LARGE | changes))))


def test_what_models_need_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    (only,) = fits(None, monkeypatch)
    assert only.severity == "ok"
    assert set(only.values) == {"training of Small-EC", "predictions of Small-EC"}
    name, need = max(only.values.items(), key=itemgetter(1))
    assert f"about {need / GB:.1f} GB are needed, by the {name}, with" in only.message


@pytest.mark.parametrize(
    ("memory", "jobs", "stopping", "halving"),
    [(80, "training", EXACT, {}), (12, "predictions", AUTO, AUTO | HALVED)],
)
def test_a_job_that_would_stop_is_an_error_with_the_number_to_set(
    memory: float,
    jobs: str,
    stopping: dict[str, Any],
    halving: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (line,) = lines(fits(memory, monkeypatch, **stopping))
    assert line.startswith(f"error: studies.shop: {jobs} of Small-EC: ")
    number = {"batch_tokens": int(line.rpartition("set `batch_tokens: ")[2].rstrip("`"))}
    fixed = stopping | number
    if jobs == "training":
        fixed = {"training": stopping["training"] | number}
    assert not lines(fits(memory, monkeypatch, **fixed))
    assert not lines(fits(memory, monkeypatch, **halving))


def test_a_record_that_does_not_fit_alone_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for line, jobs in zip(lines(fits(2, monkeypatch)), ("training", "predictions"), strict=True):
        assert line.startswith(f"error: studies.shop: {jobs} of Small-EC: ")
        assert "of the 2.0 GB of a GPU, with its longest record alone: use larger GPUs" in line


@pytest.mark.parametrize("memory", [24, 80])
def test_the_papers_study_fits_usual_gpus(memory: int, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("config.yaml").symlink_to(ROOT / "config.yaml")
    paper, gpu = Choice((), "paper").read(), replace(GPU, memory=memory * GB)
    monkeypatch.setattr(planned, "read_driver", lambda: driver(gpu))
    keys = [("predict", run) for run in paper.runs()]
    keys += [("train_adapter", run) for run in paper.adapters()]
    asked = {"gpu": 1, "device": "cuda"}
    jobs = (Job(rule, key, {}, "", resources=asked, due=True) for rule, key in keys)
    found = list(check_memory(PlannedRun(paper, tuple(jobs), Profile("gpu", gpus=1))))
    assert not lines(found)
    assert len(found[0].values) > 30
    needs = (found[0].values[f"predictions of SmolLM2-1.7B{x}"] for x in ("-likelihood", ""))
    assert next(needs) > 1.3 * next(needs), "each scored answer has a copy of keys and values"


def test_of_unknown_sizes_and_on_a_cpu_no_memory_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not fits(1, monkeypatch, architectures={})
    assert not fits(1, monkeypatch, device="cpu", training={})
