"""Several processes train one adapter: as one would, and a killed training goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

import psutil
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from support import warm
from support.model_examples import (
    PROMPTS,
    SCRIPTS,
    adapter_settings,
    read_lines,
    train,
    write_records,
)

from ecslm.common.errors import InputError
from ecslm.common.files import read_json, write_json
from ecslm.common.results_cache import ROOT_VARIABLE
from ecslm.fingerprint.running import code_parameter
from ecslm.models.adapters import read_adapter
from ecslm.training import launch, processes
from ecslm.training.launch import fit_in_processes
from ecslm.training.processes import Processes, join

CPU = torch.device("cpu")
WEIGHTS = "adapter_model.safetensors"
SETTINGS = adapter_settings(dropout=0.0, epochs=3)
# Of the last step of an epoch, one process has no record.
RECORDS = 13


@given(st.lists(st.integers(1, 300), min_size=1, max_size=40), st.integers(1, 5))
def test_the_parts_of_a_batch_have_each_member_once_and_about_as_many_tokens(
    lengths: list[int], count: int
) -> None:
    members = range(len(lengths))
    parts = [Processes(CPU, rank, count).share(members, lengths) for rank in range(count)]
    assert sorted(chain.from_iterable(parts)) == list(members)
    tokens = [sum(lengths[i] for i in part) for part in parts]
    assert max(tokens) - min(tokens) <= max(lengths)


def test_a_process_alone_has_the_whole_batch_in_its_order() -> None:
    assert Processes(CPU).share([3, 1, 2], [5, 6, 7, 8]) == [3, 1, 2]


def test_more_gpus_than_there_are_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "require_device", torch.device)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(InputError, match="gpus: 2 are configured, but this machine shows 1"):
        join("cuda", 2)


def options(folder: Path) -> dict[str, Any]:
    """What both trainings have in common."""
    return {
        "train": [write_records(folder / "thirteen.jsonl", RECORDS)],
        "code": code_parameter("train_adapter.py"),
        "checkpoint_seconds": 0,
        "settings": SETTINGS,
    }


def start(folder: Path, base: Path, chosen: dict[str, Any]) -> subprocess.Popen[bytes]:
    """The job of two processes, as a shell starts it."""
    command = {
        "--train": chosen["train"][0],
        "--val": write_records(folder / "val.jsonl", 3, split="val"),
        "--base": base,
        "--template": PROMPTS / "alpaca.jinja",
        "--settings": SETTINGS.model_dump_json(),
        "--threads": 1,
        "--processes": 2,
        "--code": chosen["code"],
        "--checkpoint-seconds": 0,
        "--output": folder / "adapter/manifest.json",
    }
    words = [str(part) for option in command.items() for part in option]
    with (folder / "printed.txt").open("wb") as printed:
        return subprocess.Popen(
            [sys.executable, str(SCRIPTS / "train_adapter.py"), *words],
            stdout=printed,
            stderr=printed,
            env=os.environ | {ROOT_VARIABLE: str(folder / "cache")},
        )


def test_two_processes_train_what_one_does_and_a_killed_training_goes_on(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = options(tmp_path)
    job = start(tmp_path, tiny_base, chosen)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("adapter/work/*/checkpoint-2/sha256.json")):
        assert job.poll() is None, (tmp_path / "printed.txt").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    others = psutil.Process(job.pid).children(recursive=True)
    assert len(others) >= 3  # `accelerate launch` and what it has started
    job.send_signal(signal.SIGKILL)
    job.wait()
    # None is left to write into the work folder, which is no longer locked.
    assert psutil.wait_procs(others, timeout=30)[1] == []
    assert not (tmp_path / "adapter/manifest.json").exists()

    alone = train(tmp_path / "alone", tiny_base, **chosen)
    warm.stand_in(monkeypatch)
    resumed = train(tmp_path, tiny_base, processes=2, **chosen)
    assert read_adapter(resumed).processes == 2
    logs = [read_lines(path.parent / "log.jsonl") for path in (resumed, alone)]
    for entry, expected in zip(*logs, strict=True):
        for name in entry.keys() & {"loss", "eval_loss", "grad_norm"}:
            assert entry[name] == pytest.approx(expected[name], rel=1e-3), entry
        for name in ("tokens", "records", "eval_records", "eval_right"):
            assert entry.get(name) == expected.get(name), entry
    weights = [load_file(path.parent / WEIGHTS) for path in (resumed, alone)]
    for name, weight in weights[0].items():
        assert (weight - weights[1][name]).abs().max() < 1e-3, name
    cost = json.loads((resumed.parent / "cost.json").read_text())
    assert cost["device"].startswith("2 x ")


class Launcher:
    """Stands for `accelerate launch`, whose processes leave `left` in the work folder."""

    left: ClassVar[dict[str, Any]] = {}
    commands: ClassVar[list[list[str]]] = []

    def __init__(self, command: list[str], **_options: Any) -> None:
        self.commands.append(command)
        self.folder = Path(command[command.index("--config_file") + 1]).parent

    def wait(self) -> int:
        for name, content in self.left.items():
            write_json(self.folder / name, content)
        return int(launch.FOUND not in self.left)

    def poll(self) -> int:
        return 1


@pytest.fixture
def launcher(monkeypatch: pytest.MonkeyPatch) -> type[Launcher]:
    monkeypatch.setattr(launch.subprocess, "Popen", Launcher)
    monkeypatch.setattr(Launcher, "commands", [])
    return Launcher


def test_problems_of_the_processes_are_those_of_the_job(
    launcher: type[Launcher], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher, "left", {launch.PROBLEMS: ["one", "two"]})
    with pytest.raises(InputError) as caught:
        fit_in_processes({}, 2, tmp_path)
    assert caught.value.problems == ("one", "two")


def test_what_an_earlier_run_left_is_not_taken_for_that_of_this_one(
    launcher: type[Launcher], tmp_path: Path
) -> None:
    for name in (launch.FOUND, launch.PROBLEMS):
        write_json(tmp_path / name, {})
    with pytest.raises(InputError, match=r"one of 2 processes failed, see job\.log: run again"):
        fit_in_processes({"--log": Path("job.log")}, 2, tmp_path)
    assert len(launcher.commands) == 1


def test_the_processes_get_the_options_of_the_job_and_no_settings_of_the_user(
    launcher: type[Launcher], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher, "left", {launch.FOUND: {"best_step": 3}})
    found = fit_in_processes({"--train": [Path("a"), Path("b")], "--log": None}, 3, tmp_path)
    assert found == {"best_step": 3}
    (command,) = launcher.commands
    assert command[-4:] == [str(SCRIPTS / "train_adapter.py"), "--train", "a", "b"]
    configuration = read_json(tmp_path / launch.CONFIGURATION)
    assert (configuration["num_processes"], configuration["mixed_precision"]) == (3, "no")
