"""What a job cost, as far as the device tells."""

import pynvml
import pytest
import torch
from support.machine import Gpu, install
from torch import cuda

from ecslm.common.locks import DEVICES_VARIABLE
from ecslm.models.cost import _energy_joules, _of_device, job_cost

GPUS = [Gpu("GPU-a"), Gpu("GPU-b"), Gpu("GPU-c")]


@pytest.mark.parametrize(
    ("visible", "joules"), [("GPU-b", 1.0), ("GPU-b,GPU-a", 1.0), ("0", 0.0), ("MIG-1", None)]
)
def test_energy_is_that_of_the_leased_gpu_which_an_instance_of_one_does_not_count(
    visible: str, joules: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(GPUS, monkeypatch.setattr)
    monkeypatch.setattr(
        pynvml, "nvmlDeviceGetTotalEnergyConsumption", lambda gpu: 1000 * GPUS.index(gpu)
    )
    monkeypatch.setattr(cuda, "_raw_device_uuid_nvml", lambda: [gpu.uuid for gpu in GPUS])
    monkeypatch.setenv(DEVICES_VARIABLE, visible)
    assert _energy_joules(torch.device("cuda:0")) == joules


def test_a_gpus_cost_says_which_cuda_and_cudnn_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: 91900)
    monkeypatch.setattr(cuda, "get_device_name", lambda _device: "NVIDIA Z100")
    monkeypatch.setattr(cuda, "max_memory_allocated", lambda _device: 5)
    known = {"device": "NVIDIA Z100", "peak_memory_bytes": 5}
    versions = {"cuda": "13.0", "cudnn": "91900"}
    assert _of_device(torch.device("cuda:0")) == known | versions
    assert _of_device(torch.device("cpu")).keys() == known.keys()


def test_the_energy_of_a_job_that_was_killed_is_not_that_of_its_rest() -> None:
    measured = {"device": "NVIDIA Z100", "peak_memory_bytes": 2.0, "energy_joules": 500.0}
    assert job_cost([measured], False, seconds=60, device="cpu") == {"seconds": 60, **measured}
    several = job_cost([measured | {"cuda": "13.0"}] * 2, False)
    assert (several["energy_joules"], several["cuda"]) == (1000, "13.0")
    for devices in (1, 2):
        assert job_cost([measured] * devices, True)["energy_joules"] is None
    assert job_cost([{}], True) == {}
