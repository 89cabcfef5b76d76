"""Runs that could not finish here are refused before anything starts, and no others."""

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import safetensors.torch
from support import tiny
from support.local_server import KEY, VARIABLE
from support.machine import Gpu, install
from support.plans import MODELS, plan
from support.project import RESOURCES
from support.stated_jobs import all_jobs_of

from ecslm.common.errors import InputError
from ecslm.common.worker.place import DEVICES_VARIABLE
from ecslm.models.bases import HubSource
from ecslm.plan.study import Study
from ecslm.provenance.checks import (
    check_api_keys,
    check_disk,
    check_gpus,
)
from ecslm.provenance.dag import Job


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project without results, on a machine with three GPUs."""
    monkeypatch.chdir(tmp_path)
    Path("resources").symlink_to(RESOURCES)
    monkeypatch.delenv(DEVICES_VARIABLE, raising=False)
    install([Gpu(f"GPU-{letter}") for letter in "abc"], monkeypatch.setattr)


def problems(check: Callable[[], None]) -> tuple[str, ...]:
    try:
        check()
    except InputError as error:
        return error.problems
    return ()


# Disks


LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "lm_head")
TUNED = {
    f"Small-{rank}": {
        "base": "Small",
        "template": "chatml",
        "training": {"rank": rank, "target_modules": LINEAR},
    }
    for rank in (4, 8)
}


def lacks(needed: int, monkeypatch: pytest.MonkeyPatch, made: Study, *jobs: Job) -> str:
    """What is said where one byte is missing; where none is, nothing is said."""
    said = ()
    for free in (needed, needed - 1):
        assert not said
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: SimpleNamespace(free=free))
        said = problems(lambda: check_disk(made, jobs))
    (line,) = said
    return line


def jobs_for(rule: str, *names: str) -> list[Job]:
    """Jobs of models or bases."""
    return [
        Job(rule, {"model": name, "base": name}, {}, f"results/shop/{name}/manifest.json")
        for name in names
    ]


def test_weights_need_their_matrices_and_a_training_its_checkpoints(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("models").mkdir()
    Path("models/small").symlink_to(tiny_model)
    made, vocabulary = plan(models=TUNED), tiny.vocabulary_size(tiny_model)
    small, large = (4 * tiny.trained_weights(vocabulary, rank) for rank in (4, 8))
    needed = small + large + 2 * 3 * large
    line = lacks(needed, monkeypatch, made, *jobs_for("train_adapter", *TUNED))
    assert f"{(needed - 1) / 1000:.0f}kB are free on this disk" in line
    assert f"at least {needed / 1000:.0f}kB" in line
    weights = safetensors.torch.load_file(tiny_model / "model.safetensors").values()
    matrices = sum(weight.numel() for weight in weights if weight.dim() == 2)
    lacks(4 * matrices, monkeypatch, made, *jobs_for("export_model", "Small-4"))


def test_a_base_needs_room_where_it_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sizes of architectures.csv are those of the table `parameters`, but for the norms."""
    made = plan(models=TUNED, architectures={"Small": "SmolLM2-135M"})
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=0))
    of_base = jobs_for("base_model", "Small")
    assert not problems(lambda: check_disk(made, of_base))
    made.config.bases["Small"] = HubSource(source="hub", id="a/small", revision="main")
    assert "269MB" in lacks(269_030_016 - 2 * 61 * 576, monkeypatch, made, *of_base)


# GPUs


ONE, TWO, NONE = (1, "cuda"), (2, "cuda"), (0, "cuda")
ON_CPU = (1, "cpu")


@pytest.mark.parametrize(
    ("needs", "limit", "visible", "words"),
    [
        ([ONE, NONE, ONE], 0, "", "gpu=0: 2 jobs of this run would load a model"),
        ([ON_CPU, ONE, NONE], None, "", "--resources without gpu: 1 job of"),
        ([ONE, TWO], 1, "", "gpu=1: a job of this run takes 2"),
        ([TWO, ONE], 2, "1", "gpus: 2 are asked for"),
    ],
)
def test_a_run_for_which_gpus_are_lacking_is_refused(
    needs: list[tuple[int, str]],
    limit: int | None,
    visible: str,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(DEVICES_VARIABLE, visible)
    (problem,) = problems(lambda: check_gpus(needs, limit, here=True))
    assert words in problem


@pytest.mark.parametrize(
    ("needs", "limit", "here"),
    [
        ([ONE, TWO], 3, True),
        ([NONE], 0, True),
        ([ON_CPU], None, False),
        ([(8, "cuda")], 9, False),
    ],
)
def test_a_run_that_can_do_with_the_machine_is_not_refused(
    needs: list[tuple[int, str]], limit: int | None, here: bool
) -> None:
    check_gpus(needs, limit, here)


# Servers


SERVER = {"url": "https://models.example/v1", "model": "large-1"}
DATASET = Path("results/shop/dataset/PM/test.jsonl")
LINE = (
    f"the environment variable {VARIABLE} is not set, but needed to ask Large: set it to the key, "
    "or remove `key` from `access` if the server needs none"
)


def told(*models: str, key: str | None = VARIABLE, tasks: tuple[str, ...] = ("PM", "SA")) -> Any:
    """What is said of a run that lets models answer tasks."""
    large = {"backend": "openai", "server": SERVER, "template": "alpaca"}
    made = plan(models=MODELS | {"Large": large | {"access": {"key": key} if key else {}}})
    due = [
        job
        for job in all_jobs_of(made)
        if job.rule == "predict" and job.key["model"] in models and job.key["task"] in tasks
    ]
    return problems(lambda: check_api_keys(made, due))


def test_a_key_that_is_needed_and_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, " \n")
    assert told("Large", "Small") == (LINE,)
    assert not told("Small")
    assert not told("Large", key=None)
    monkeypatch.setenv(VARIABLE, KEY)
    assert not told("Large")
