"""Runs that ask for GPUs that are not there are refused before anything starts."""

import pytest
from support.machine import Gpu, install

from ecslm.common.errors import InputError
from ecslm.common.worker.place import DEVICES_VARIABLE
from ecslm.provenance import gpus
from ecslm.provenance.gpus import GpuNeed, check_gpus

ONE, TWO, NONE = GpuNeed(1, "cuda"), GpuNeed(2, "cuda"), GpuNeed(0, "cuda")
ON_CPU = GpuNeed(1, "cpu")


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """One with three GPUs."""
    monkeypatch.delenv(DEVICES_VARIABLE, raising=False)
    install([Gpu(f"GPU-{letter}") for letter in "abc"], monkeypatch.setattr)


@pytest.mark.parametrize(
    ("needs", "limit", "visible", "words"),
    [
        ([ONE, NONE, ONE], 0, None, ["gpu=0: 2 jobs of this run would load a model", "set gpu=1"]),
        ([ON_CPU, ONE, NONE], None, None, ["--resources without gpu: 1 job of", "gpu=1"]),
        ([ONE], 4, None, ["gpu=4: jobs may use 3 GPUs of this machine: set gpu=3"]),
        ([ONE], 3, "0,2", ["gpu=3: jobs may use 2 GPUs of this machine: set gpu=2"]),
        ([ONE, TWO], 1, None, ["gpu=1: a job of this run takes 2", "gpu=2, there", "`gpus: 1`"]),
        ([TWO, ONE], 2, "1", ["gpus: 2 are asked for", "CUDA_VISIBLE_DEVICES=1 leaves"]),
        ([ONE], 1, "7", ["CUDA_VISIBLE_DEVICES: 7 is no GPU of this machine"]),
        ([ONE], 1, "", ["CUDA_VISIBLE_DEVICES: '' hides all GPUs"]),
    ],
)
def test_a_run_is_refused_by_one_line_that_names_the_fix(
    needs: list[GpuNeed],
    limit: int | None,
    visible: str | None,
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if visible is not None:
        monkeypatch.setenv(DEVICES_VARIABLE, visible)
    with pytest.raises(InputError) as caught:
        check_gpus(needs, limit, here=True)
    (problem,) = caught.value.problems
    assert [word for word in words if word not in problem] == [], problem


@pytest.mark.parametrize(
    ("needs", "limit", "here"),
    [
        ([ONE, TWO], 3, True),
        ([TWO], None, True),
        ([NONE], 0, True),
        ([ON_CPU], 9, True),
        ([ON_CPU], None, False),
        ([GpuNeed(8, "cuda")], 9, False),
    ],
)
def test_a_run_that_can_do_with_the_machine_is_not_refused(
    needs: list[GpuNeed], limit: int | None, here: bool
) -> None:
    check_gpus(needs, limit, here)


def test_without_a_driver_the_jobs_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus, "list_devices", list)
    check_gpus([TWO], 9, here=True)
