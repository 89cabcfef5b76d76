"""Requests of a study's jobs, in a fresh clone that has neither data nor weights."""

from pathlib import Path
from typing import Any

import pytest
from support.plans import MODELS, plan
from support.project import ROOT
from support.raw_rows import IND, lines, row, write
from support.stated_jobs import stated_jobs

from ecslm.config.loading import read_config
from ecslm.estimates.estimate import MIB
from ecslm.plan.requests import LEARNED, LENGTHS, UNKNOWN, UNKNOWN_RECORDS, WITHOUT_MODEL, Requests
from ecslm.plan.study import Study
from ecslm.schemas.task import CONFIG_FILE


def requests(**study: Any) -> Requests:
    return Requests(plan(architectures={"Small": "SmolLM2-360M"}, **study))


def training(**study: Any) -> tuple[int, int]:
    """MiB and minutes."""
    return requests(**study).request("train_adapter", {"model": "Small-EC", "seed": "0"})


# Peaks of the demo study in bytes, the largest of each kind: benchmarks/README.md.
MEASURED = {
    "train_adapter": 3_110_043_000,
    "predict": 1_738_129_000,
    "measure_latency": 1_565_569_024,
    "export_model": 1_271_475_208,
}


def test_jobs_of_the_demo_ask_for_what_they_took_up_to_twice_as_much(tmp_path: Path) -> None:
    """All that run a model are estimated, and no others, on every device."""
    config, _ = read_config([CONFIG_FILE], ROOT / "resources/prompts", {"study": "demo"})
    # Without files of bases.
    bases = {
        base: source.model_copy(update={"path": str(tmp_path)})
        for base, source in config.bases.items()
        if source.source == "path"
    }
    made = Study(config.model_copy(update={"bases": {**config.bases, **bases}}))
    asked, jobs = Requests(made), stated_jobs(made).values()
    for job in jobs:
        known = job.rule == "bertscore" or (
            job.rule in MEASURED and job.key["model"] in made.local_models
        )
        found = [asked.of_key(job.rule, job.key, device) for device in asked.devices.values()]
        assert all((one is not None and one.seconds > 0) == known for one in found), job
    for rule, peak in MEASURED.items():
        memory = [job.resources["mem_mb"] * MIB for job in jobs if job.rule == rule]
        assert 1.1 * peak <= min(memory) <= max(memory) <= 2 * peak


def test_a_base_of_unknown_size_asks_for_the_default_and_a_server_for_no_memory() -> None:
    server = {
        **{"backend": "openai", "template": "alpaca", "access": {"key": "KEY"}},
        "server": {"url": "http://localhost:1/v1", "model": "m"},
    }
    learned = {"backend": "learned", "method": "tf-idf"}
    asked = Requests(plan(models=MODELS | {"Server": server, "Words": learned}))
    assert asked.sizes("Small") is None
    for rule in ("train_adapter", "predict", "measure_latency", "export_model"):
        assert asked.request(rule, {"model": "Small-EC", "task": "PM"}) == UNKNOWN
    assert asked.request("predict", {"model": "Server", "task": "PM"}) == WITHOUT_MODEL
    assert asked.request("predict", {"model": "Words", "task": "PM"}) == LEARNED


def test_of_a_base_that_the_table_lacks_its_files_tell_the_size(tiny_model: Path) -> None:
    config = plan().config
    source = config.bases["Small"].model_copy(update={"path": str(tiny_model)})
    made = Study(config.model_copy(update={"bases": config.bases | {"Small": source}}))
    sizes = Requests(made).sizes("Small")
    assert sizes is not None
    assert sizes.depth == 2


def test_where_models_run_on_a_cpu_their_memory_is_that_of_the_machine() -> None:
    for asked in (requests(device="cpu"), requests(device="cuda")):
        assert asked.slow.kind == asked.study.settings.device
        found = asked.training("Small-EC", asked.slow)
        assert (found.host == found.device_bytes) == (asked.slow.kind == "cpu")
    # What is exported is beside the model.
    on_cpu = requests(device="cpu")
    exported = on_cpu.of_key("export_model", {"model": "Small-EC"}, on_cpu.slow)
    assert exported is not None
    assert exported.host == exported.device_bytes + exported.device["base"]


def test_only_answers_of_tuned_models_are_expected_to_be_as_long_as_the_right_ones() -> None:
    asked = requests()
    for model, same in (("Small", True), ("Small-EC", False)):
        found = [
            asked.of_key("predict", {"model": model, "task": "PM"}, asked.slow, longest=longest)
            for longest in (False, True)
        ]
        assert (found[0] == found[1]) == same


def test_less_to_compute_with_or_more_to_do_takes_more_time() -> None:
    assert training(threads=1)[1] > training(threads=4)[1]
    one, four = training(gpus=1), training(gpus=4)
    assert one[1] > four[1]
    # Processes that train together have a model each.
    assert four[0] == pytest.approx(4 * one[0], abs=4)


def test_a_task_that_is_not_in_the_file_of_lengths_has_the_mean_of_all() -> None:
    prompts = [int(line.split(",")[1]) for line in LENGTHS.read_text().splitlines()[1:]]
    assert min(prompts) < requests().answered("Small", "NEW").prompt < max(prompts)


def test_records_of_local_files_are_counted_and_else_assumed(tmp_path: Path) -> None:
    splits = ["train"] * 5 + ["val"] * 2 + ["test"] * 3
    rows = [row("PM", split, number) for number, split in enumerate(splits)]

    def asked(**data: Any) -> Requests:
        return Requests(plan(data={"source": "path", "path": str(tmp_path / "rows.jsonl"), **data}))

    assert asked().count("NEW", "test", [IND]) == UNKNOWN_RECORDS["test"]
    write(tmp_path, lines(rows))
    assert [asked().count("PM", split) for split in ("train", "val", "test")] == [5, 2, 3]
    own = [{key: text for key, text in one.items() if key != "split"} for one in rows]
    write(tmp_path, lines(own))
    divided = asked(split={"val": 0.1, "test": 0.3})
    assert sum(divided.count("PM", split) for split in ("train", "val", "test")) == 10
    # Of tasks that resources/lengths.csv does not have, the lengths are those of the records.
    mine = [row("NEW", "test", n) | {"input": "x" * 250 * n, "output": "y" * 25} for n in (1, 3)]
    write(tmp_path, lines(mine))
    found = asked().answered("Small", "NEW")
    assert (found.prompt, found.longest_prompt) == (pytest.approx(250, abs=1), 351)
    assert found.answer == found.longest_answer == 11
