"""What the driver tells of the machine's GPUs, and what is said where it does not."""

from pathlib import Path

import pynvml
import pytest
from support.machine import Gpu, install

from ecslm.common.devices import listing
from ecslm.common.devices.listing import Device, list_devices
from ecslm.common.errors import InputError


def test_whole_gpus_are_listed_and_of_partitioned_ones_the_instances(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gpus = [
        Gpu("GPU-a", "NVIDIA T4", partitioned=None),
        Gpu("GPU-b", instances=("MIG-1", None, "MIG-2"), partitioned=True),
        Gpu("GPU-c", instances=(None, None)),
        Gpu("GPU-d", partitioned=True),
    ]
    install(gpus, monkeypatch.setattr)
    assert list_devices() == [
        Device("GPU-a", 0, "NVIDIA T4", "GPU-a"),
        Device("MIG-1", 1, "NVIDIA A100 MIG 1g.5gb", "GPU-b"),
        Device("MIG-2", 1, "NVIDIA A100 MIG 1g.5gb", "GPU-b"),
        Device("GPU-c", 2, "NVIDIA A100", "GPU-c"),
    ]
    assert [device.whole for device in list_devices()] == [True, False, False, True]


def failing(monkeypatch: pytest.MonkeyPatch, error: pynvml.NVMLError, driver: Path) -> None:
    def init() -> None:
        raise error

    monkeypatch.setattr(pynvml, "nvmlInit", init)
    monkeypatch.setattr(listing, "DRIVER", driver)


MISSING = (pynvml.NVMLError_LibraryNotFound, pynvml.NVMLError_DriverNotLoaded)


@pytest.mark.parametrize("error", MISSING)
def test_without_a_driver_there_are_no_devices(
    error: type[pynvml.NVMLError], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    failing(monkeypatch, error(), tmp_path / "gone")
    assert list_devices() == []


@pytest.mark.parametrize(
    ("error", "fix"),
    [
        (pynvml.NVMLError_LibraryNotFound, "set NVIDIA_DRIVER_CAPABILITIES=compute,utility"),
        (pynvml.NVMLError_LibRmVersionMismatch, "make `nvidia-smi` work"),
        (pynvml.NVMLError_Unknown, "make `nvidia-smi` work"),
    ],
)
def test_a_driver_that_does_not_answer_is_told_of_with_the_fix(
    error: type[pynvml.NVMLError], fix: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    failing(monkeypatch, error(), tmp_path)
    with pytest.raises(InputError, match=fix) as caught:
        list_devices()
    assert len(caught.value.problems) == 1
    assert "\n" not in caught.value.problems[0]
