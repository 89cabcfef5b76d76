"""GPUs are known from the driver, and none are invented."""

from types import SimpleNamespace

import pynvml
import pytest
from support import machine

from ecslm.common.errors import InputError
from ecslm.preflight.gpus import Driver, Gpu, read_driver

TWO = (machine.Gpu("GPU-0"), machine.Gpu("GPU-1", "NVIDIA Z100"))
MEMORY = {"GPU-0": (40, 30), "GPU-1": (80, 79), "MIG-a": (10, 9)}


def use_driver(monkeypatch: pytest.MonkeyPatch, *found: machine.Gpu) -> None:
    """Put a driver in place that has these GPUs."""
    machine.install(found, monkeypatch.setattr)
    answers = {
        "nvmlSystemGetCudaDriverVersion": lambda: 12080,
        "nvmlSystemGetDriverVersion": lambda: "570.1",
        "nvmlDeviceGetHandleByUUID": MEMORY.__getitem__,
        "nvmlDeviceGetMemoryInfo": lambda memory: SimpleNamespace(total=memory[0], free=memory[1]),
    }
    for name, answer in answers.items():
        monkeypatch.setattr(pynvml, name, answer)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_the_driver_tells_its_version_and_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    use_driver(monkeypatch, *TWO)
    both = (Gpu("NVIDIA A100", 40, 30), Gpu("NVIDIA Z100", 80, 79))
    assert read_driver() == Driver("570.1", (12, 8), both)


def test_only_gpus_that_jobs_would_see_count(monkeypatch: pytest.MonkeyPatch) -> None:
    use_driver(monkeypatch, *TWO)
    for chosen, seen in (("1", ["NVIDIA Z100"]), ("", []), ("GPU-0", ["NVIDIA A100"])):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
        driver = read_driver()
        assert driver is not None
        assert [gpu.name for gpu in driver.gpus] == seen
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2")
    with pytest.raises(InputError, match="2 is no GPU of this machine"):
        read_driver()


def test_an_instance_of_a_gpu_has_its_own_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    use_driver(monkeypatch, machine.Gpu("GPU-0", instances=("MIG-a", None), partitioned=True))
    driver = read_driver()
    assert driver is not None
    (part,) = driver.gpus
    assert (part.memory, part.free, part.whole) == (10, 9, False)


def test_without_gpus_there_is_no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    use_driver(monkeypatch)
    assert read_driver() is None
