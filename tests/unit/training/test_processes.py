"""Several processes train one adapter: as one would, and a killed training goes on."""

import errno
import json
import logging
import os
import re
import time
from itertools import chain
from pathlib import Path

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
from ecslm.common.locks import lock
from ecslm.common.results_cache import ROOT_VARIABLE
from ecslm.fingerprint.running import code_parameter
from ecslm.models.manifests import read_adapter
from ecslm.training.fit import CHECKPOINT
from ecslm.training.run import in_processes
from ecslm.training.trainer import Processes

CPU = torch.device("cpu")
WEIGHTS = "adapter_model.safetensors"
SETTINGS = adapter_settings(dropout=0.0)
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


def start(folder: Path, base: Path, records: Path) -> warm.WarmProcess:
    """The job of two processes, as a shell starts it."""
    options = {
        **{"train": records, "val": write_records(folder / "val.jsonl", 3, split="val")},
        **{"base": base, "template": PROMPTS / "alpaca.jinja"},
        **{"settings": SETTINGS.model_dump_json(), "output": folder / "adapter/manifest.json"},
        **{"threads": 1, "processes": 2, "code": code_parameter("train_adapter.py")},
        "checkpoint-seconds": 0,
    }
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    command = [str(SCRIPTS / "train_adapter.py"), *words]
    with (folder / "printed.txt").open("wb") as printed:
        variables = os.environ | {ROOT_VARIABLE: str(folder / "cache")}
        return warm.start(command, folder, printed, printed, variables)


def test_two_processes_train_what_one_does_and_a_killed_training_goes_on(
    tiny_base: Path, tmp_path: Path
) -> None:
    records = write_records(tmp_path / "thirteen.jsonl", RECORDS)
    job = start(tmp_path, tiny_base, records)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob(f"adapter/work/*/{CHECKPOINT}")):
        assert job.poll() is None, (tmp_path / "printed.txt").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    others = psutil.Process(job.pid).children(recursive=True)
    assert len(others) == 2
    job.kill()
    job.wait()
    # None is left to write into the work folder.
    assert psutil.wait_procs(others, timeout=30)[1] == []
    assert not (tmp_path / "adapter/manifest.json").exists()

    again = start(tmp_path, tiny_base, records)
    alone = train(tmp_path / "alone", tiny_base, SETTINGS, train=[records])
    printed = tmp_path / "printed.txt"
    assert again.wait() == 0, printed.read_text()
    assert re.search(r"from step [1-9]", printed.read_text())
    resumed = tmp_path / "adapter/manifest.json"
    assert read_adapter(resumed).processes == 2
    logs = [read_lines(path.parent / "log.jsonl") for path in (resumed, alone)]
    for entry, expected in zip(*logs, strict=True):
        for name in entry.keys() & {"loss", "eval_loss", "grad_norm"}:
            assert entry[name] == pytest.approx(expected[name], rel=1e-3), entry
        for name in ("tokens", "records"):
            assert entry.get(name) == expected.get(name), entry
    weights = [load_file(path.parent / WEIGHTS) for path in (resumed, alone)]
    for name, weight in weights[0].items():
        assert (weight - weights[1][name]).abs().max() < 1e-3, name
    cost = json.loads((resumed.parent / "cost.json").read_text())
    assert cost["device"].startswith("2 x ")


def test_what_ends_one_process_ends_all_and_is_told_or_logged(tmp_path: Path) -> None:
    def refuse(rank: int, _place: str) -> None:
        if rank == 1:
            raise InputError("one", "two")
        time.sleep(60)

    def end(rank: int, _place: str) -> None:
        time.sleep(60 * rank)
        os._exit(3)

    def fill(_rank: int, _place: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "x.pt")

    def err(rank: int, _place: str) -> None:
        time.sleep(60 * rank)
        raise KeyError("nobody expected this")

    held = lock(tmp_path / "work.lock")
    begun = time.monotonic()
    logged = logging.FileHandler(tmp_path / "job.log")
    logging.getLogger().addHandler(logged)
    for work in (refuse, end, fill, err):
        with pytest.raises(InputError, match=r"^training: one of 2 processes failed, see the log"):
            in_processes(work, 2)
    logging.getLogger().removeHandler(logged)
    told = (tmp_path / "job.log").read_text()
    for words in ("one\ntwo\n", "x.pt: No space left on device: make room there", "Traceback"):
        assert words in told
    assert "KeyError: 'nobody expected this'" in told
    assert time.monotonic() - begun < 60, "the others were waited for"
    os.close(held or 0)
    # None is left that holds what the job did.
    assert lock(tmp_path / "work.lock") is not None
    assert in_processes(lambda rank, _place: {"rank": rank}, 2) == {"rank": 0}
