"""Estimates are for the device that jobs would meet, by whatever name it goes there."""

from dataclasses import replace

import pytest
from support.planned_runs import GPU, driver, node, planned_run

from ecslm.common.errors import InputError
from ecslm.estimates.devices import DEVICES, read_devices
from ecslm.preflight import hardware
from ecslm.preflight import planned_run as planned
from ecslm.preflight.gpus import Driver
from ecslm.preflight.hardware import Met, alike, met
from ecslm.preflight.planned_run import PlannedRun
from ecslm.preflight.profiles import Profile

CUDA = {"device": "cuda", "precision": {}}


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("NVIDIA A100-SXM4-80GB", "NVIDIA A100 SXM 80 GB"),
        ("NVIDIA A100-PCIE-40GB", "NVIDIA A100 SXM 80 GB"),
        ("a100_80gb", "NVIDIA A100 SXM 80 GB"),
        ("NVIDIA H100 PCIe", "NVIDIA H100 PCIe 80 GB"),
        ("NVIDIA H100 80GB HBM3", "NVIDIA H100 SXM 80 GB"),
        ("h100", "NVIDIA H100 SXM 80 GB"),
        ("NVIDIA GeForce RTX 4090", "NVIDIA RTX 4090"),
        ("rtx_4090", "NVIDIA RTX 4090"),
        ("NVIDIA A10G", "NVIDIA A10G"),
        ("NVIDIA A10", None),
        ("NVIDIA RTX A4000", None),
        ("Tesla V100-SXM2-16GB", None),
        ("of no named type", None),
    ],
)
def test_a_gpu_is_known_by_the_names_that_driver_and_scheduler_have(
    name: str, known: str | None
) -> None:
    gpus = [device for device in read_devices(DEVICES).values() if device.kind == "cuda"]
    found = alike(name, gpus)
    assert (found and found.name) == known


def test_every_gpu_of_the_file_is_known_by_its_own_name() -> None:
    gpus = [device for device in read_devices(DEVICES).values() if device.kind == "cuda"]
    assert [alike(device.name, gpus) for device in gpus] == gpus


def run_on(found: Driver | InputError | None, monkeypatch: pytest.MonkeyPatch) -> PlannedRun:
    def read() -> Driver | None:
        if isinstance(found, InputError):
            raise found
        return found

    monkeypatch.setattr(planned, "read_driver", read)
    return planned_run(Profile("gpu", gpus=1), **CUDA)


def test_of_several_gpus_the_slowest_counts_with_the_least_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    a100 = replace(GPU, name="NVIDIA A100-SXM4-40GB", memory=40 * 10**9)
    h100 = replace(GPU, name="NVIDIA H100 PCIe")
    found = met(run_on(driver(h100, a100), monkeypatch))
    assert (found.name, found.device.name) == (a100.name, "NVIDIA A100 SXM 80 GB")
    assert (found.device.memory, found.memory_known) == (a100.memory, True)


def test_a_gpu_that_is_not_in_the_file_is_taken_for_a_slow_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = met(run_on(driver(GPU), monkeypatch))
    assert (found.name, found.device.name) == (GPU.name, "NVIDIA A10G")
    assert found.device.memory == GPU.memory


@pytest.mark.parametrize("found", [None, driver(), InputError("the driver does not answer")])
def test_without_a_gpu_nobody_knows_what_jobs_will_meet(
    found: Driver | InputError | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = met(run_on(found, monkeypatch))
    assert (unknown.name, unknown.memory_known) == (None, False)
    assert unknown.device.name == "NVIDIA A10G"


def test_on_a_cluster_its_slowest_type_counts_whose_memory_is_not_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(planned, "read_nodes", lambda: (node(h100=8), node("n2", a100=4)))
    found = met(planned_run(Profile("slurm", executor="slurm"), **CUDA))
    assert (found.name, found.device.name) == ("a100", "NVIDIA A100 SXM 80 GB")
    assert not found.memory_known


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        ("avx512_bf16 amx_bf16", "two CPU cores with AMX"),
        ("avx2 avx512_bf16", "two CPU cores with AVX512-BF16"),
        ("avx2", "two CPU cores with float32 alone"),
    ],
)
def test_a_cpu_counts_by_its_instructions_and_threads(
    flags: str, name: str, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cpu = tmp_path / "cpuinfo"
    cpu.write_text(f"flags: {flags}\n")
    monkeypatch.setattr(hardware, "CPU_FLAGS", cpu)
    two, four = (met(planned_run(threads=threads)) for threads in (2, 4))
    assert isinstance(two, Met)
    assert two.device.name == name
    assert four.device.flops == 2 * two.device.flops
