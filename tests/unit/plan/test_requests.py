"""Requests of a study's jobs, in a fresh clone that has neither data nor weights."""

from pathlib import Path
from typing import Any

import pytest
from support.plans import MODELS, plan
from support.project import ROOT
from support.raw_rows import IND, lines, row, write
from support.stated_jobs import stated_jobs

from ecslm.config.loading import read_config
from ecslm.estimates.estimate import MIB, Request
from ecslm.plan.requests import (
    UNKNOWN,
    UNKNOWN_RECORDS,
    WITHOUT_MODEL,
    Requests,
    Workloads,
    requests_of,
)
from ecslm.plan.study import Study
from ecslm.schemas.registry import CONFIG_FILE

NAMED = {"Small": "SmolLM2-360M"}


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def requests(**study: Any) -> Requests:
    return Requests(plan(architectures=NAMED, **study))


def training(**study: Any) -> Request:
    return requests(**study).request("train_adapter", {"model": "Small-EC", "seed": "0"})


def shipped(name: str, tmp_path: Path) -> Study:
    """A study of config.yaml, without files of bases."""
    config = read_config([CONFIG_FILE], name, ROOT / "resources/prompts")
    bases = {
        base: source.model_copy(update={"path": str(tmp_path)})
        for base, source in config.bases.items()
        if source.source == "path"
    }
    return Study(config.model_copy(update={"bases": {**config.bases, **bases}}))


@pytest.mark.parametrize("study", ["demo", "paper", "authors"])
def test_every_job_of_the_shipped_studies_that_runs_a_model_is_estimated(
    study: str, tmp_path: Path
) -> None:
    made = shipped(study, tmp_path)
    asked = requests_of(made)
    running = {"train_adapter", "predict", "measure_latency", "bertscore", "export_model"}
    for device in asked.devices.values():
        for job in stated_jobs(made).values():
            known = job.rule in running and job.key["model"] in made.local_models
            if job.rule == "bertscore" or known:
                found = asked.of_key(job.rule, job.key, device)
                assert found is not None, job
                assert found.seconds > 0
            else:
                assert asked.of_key(job.rule, job.key, device) is None


def test_a_base_of_unknown_size_asks_for_the_default() -> None:
    asked = Requests(plan())
    assert asked.sizes("Small") is None
    for rule in ("train_adapter", "predict", "measure_latency", "export_model"):
        assert asked.request(rule, {"model": "Small-EC", "task": "PM"}) == UNKNOWN
    assert asked.training_budget("Small-EC", asked.slow) is None
    assert asked.prediction_budget("Small", "PM", asked.slow) is None


def test_a_job_that_asks_a_server_needs_no_memory_of_a_model() -> None:
    server = {
        **{"backend": "openai", "template": "alpaca", "access": {"key": "KEY"}},
        "server": {"url": "http://localhost:1/v1", "model": "m"},
    }
    asked = requests(models=MODELS | {"Server": server})
    assert asked.request("predict", {"model": "Server", "task": "PM"}) == WITHOUT_MODEL


def test_where_models_run_on_a_cpu_their_memory_is_that_of_the_machine() -> None:
    on_cpu, on_gpu = requests(device="cpu"), requests(device="cuda")
    for asked in (on_cpu, on_gpu):
        assert asked.slow.kind == asked.study.settings.device
    found = on_cpu.training("Small-EC", on_cpu.slow)
    assert found is not None
    assert found.host == found.device_bytes
    found = on_gpu.training("Small-EC", on_gpu.slow)
    assert found is not None
    assert found.host < found.device_bytes


# Peaks of the demo study in bytes, the largest of each kind: benchmarks/README.md.
MEASURED = {
    "train_adapter": 3_110_043_000,
    "predict": 1_738_129_000,
    "measure_latency": 1_565_569_024,
    "export_model": 1_271_475_208,
}


@pytest.mark.parametrize(("rule", "peak"), MEASURED.items(), ids=MEASURED)
def test_jobs_of_the_demo_ask_for_no_less_than_they_took_and_at_most_for_twice_as_much(
    rule: str, peak: int, tmp_path: Path
) -> None:
    jobs = stated_jobs(shipped("demo", tmp_path)).values()
    asked = [job.resources["mem_mb"] * MIB for job in jobs if job.rule == rule]
    assert 1.1 * peak <= min(asked) <= max(asked) <= 2 * peak


@pytest.mark.parametrize(
    ("more", "less"),
    [
        ({"threads": 1}, {"threads": 4}),
        ({"gpus": 1}, {"gpus": 4}),
        ({"training": {"epochs": 4}}, {"training": {"epochs": 1}}),
    ],
    ids=["fewer threads", "fewer GPUs", "more epochs"],
)
def test_less_to_compute_with_or_more_to_do_takes_no_less_time(
    more: dict[str, Any], less: dict[str, Any]
) -> None:
    assert training(**more).minutes >= training(**less).minutes


def test_processes_that_train_together_have_a_model_each() -> None:
    one, four = (training(gpus=count).memory_mb for count in (1, 4))
    assert four == pytest.approx(4 * one, abs=4)


def test_a_share_of_the_training_records_is_as_much_less_to_train_on() -> None:
    models = {
        name: {**model, "training": {"train_fraction": 0.1}} for name, model in MODELS.items()
    }
    part, whole = requests(models=models).workloads, requests().workloads
    ratio = part.training("Small-EC").tokens / whole.training("Small-EC").tokens
    assert ratio == pytest.approx(0.1, rel=0.01)


def test_records_of_local_files_are_counted_and_else_assumed(tmp_path: Path) -> None:
    splits = ["train"] * 5 + ["val"] * 2 + ["test"] * 3
    rows = [row("PM", split, number) for number, split in enumerate(splits)]

    def workloads(**data: Any) -> Workloads:
        source = {"source": "path", "path": str(tmp_path / "rows.jsonl"), **data}
        return Workloads(plan(data=source))

    assert workloads().records("NEW", "test", [IND]) == UNKNOWN_RECORDS["test"]
    write(tmp_path, lines(rows))
    assert [workloads().records("PM", split) for split in ("train", "val", "test")] == [5, 2, 3]
    own = [{key: text for key, text in one.items() if key != "split"} for one in rows]
    write(tmp_path, lines(own))
    divided = workloads(split={"val": 0.1, "test": 0.3})
    assert sum(divided.records("PM", split) for split in ("train", "val", "test")) == 10
