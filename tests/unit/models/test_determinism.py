"""Deterministic algorithms on a GPU: what is set, and what a CPU is spared."""

import os

import pytest
import torch

from ecslm.models.loading import WORKSPACE, compute_deterministically


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """What torch is told to use."""
    calls: list[bool] = []
    monkeypatch.setattr(torch, "use_deterministic_algorithms", calls.append)
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    monkeypatch.setenv(WORKSPACE, ":0:0")
    return calls


def test_a_gpu_computes_deterministically(chosen: list[bool]) -> None:
    compute_deterministically("cuda")
    assert chosen == [True]
    assert os.environ[WORKSPACE] == ":4096:8"
    assert not torch.backends.cudnn.benchmark


def test_on_a_cpu_nothing_is_changed(chosen: list[bool]) -> None:
    compute_deterministically("cpu")
    assert chosen == []
    assert os.environ[WORKSPACE] == ":0:0"
