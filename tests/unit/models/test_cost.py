"""What a job cost, as far as the device tells."""

import pynvml
import pytest
import torch
from support.machine import Gpu, install
from torch import cuda

from ecslm.common.locks import DEVICES_VARIABLE
from ecslm.models.cost import _energy_joules, prediction_cost, training_cost

GPUS = [Gpu("GPU-a"), Gpu("GPU-b"), Gpu("GPU-c", instances=("MIG-1",), partitioned=True)]


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


def test_the_energy_of_a_job_that_was_killed_is_not_that_of_its_rest() -> None:
    measured = {"device": "NVIDIA Z100", "peak_memory_bytes": 2.0, "energy_joules": 500.0}
    for resumed, energy in ((False, 500.0), (True, None)):
        trained = training_cost(90, 60, 1, [measured], (1, 1), resumed)
        predicted = prediction_cost(20, 60, [1], [1], [False], measured, resumed)
        assert (trained["energy_joules"], predicted["energy_joules"]) == (energy, energy)
    assert training_cost(90, 60, 1, [measured] * 2, (1, 1), False)["energy_joules"] == 1000
    assert training_cost(90, 60, 1, [measured] * 2, (1, 1), True)["energy_joules"] is None
    assert "energy_joules" not in prediction_cost(0, 1, [1], [1], [False], {}, True)
