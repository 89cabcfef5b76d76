"""GPUs are known from the driver and from SLURM, and none are invented."""

import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecslm.common.errors import InputError
from ecslm.preflight import gpus
from ecslm.preflight.gpus import Gpu, cluster_gpus, read_driver, visible

FOUR = [Gpu(f"NVIDIA Z{n}", f"GPU-{n}abc", 10, 5) for n in range(4)]


class NoDriverError(Exception):
    """What NVML raises."""


def use_nvml(monkeypatch: pytest.MonkeyPatch, found: list[Gpu] | None) -> list[str]:
    """Put an NVML in place that finds these GPUs, or no driver; returns its calls."""
    calls: list[str] = []

    def initialise() -> None:
        calls.append("init")
        if found is None:
            raise NoDriverError

    monkeypatch.setattr(
        gpus,
        "pynvml",
        SimpleNamespace(
            NVMLError=NoDriverError,
            nvmlInit=initialise,
            nvmlShutdown=lambda: calls.append("shutdown"),
            nvmlSystemGetCudaDriverVersion=lambda: 12080,
            nvmlSystemGetDriverVersion=lambda: "570.1",
            nvmlDeviceGetCount=lambda: len(found or ()),
            nvmlDeviceGetHandleByIndex=lambda number: (found or [])[number],
            nvmlDeviceGetMemoryInfo=lambda gpu: SimpleNamespace(total=gpu.memory, free=gpu.free),
            nvmlDeviceGetName=lambda gpu: gpu.name,
            nvmlDeviceGetUUID=lambda gpu: gpu.uuid,
        ),
    )
    return calls


def test_the_driver_tells_its_version_and_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    calls = use_nvml(monkeypatch, FOUR)
    driver = read_driver()
    assert driver is not None
    assert (driver.version, driver.cuda, driver.gpus) == ("570.1", (12, 8), tuple(FOUR))
    assert calls == ["init", "shutdown"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2")
    assert read_driver().gpus == (FOUR[2],)


def test_without_a_driver_there_are_no_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    use_nvml(monkeypatch, None)
    assert read_driver() is None


@pytest.mark.parametrize(
    ("chosen", "seen"),
    [
        (None, [0, 1, 2, 3]),
        ("", []),
        ("-1", []),
        ("3,1", [3, 1]),
        (" 1 , 2", [1, 2]),
        ("GPU-2", [2]),
        ("GPU-2,0", [2, 0]),
        ("0,4,1", [0]),
        ("0,x,1", [0]),
        ("GPU-", []),
        ("1,1", [1]),
    ],
)
def test_a_choice_of_devices_is_read_as_cuda_reads_it(chosen: str | None, seen: list[int]) -> None:
    assert visible(FOUR, chosen) == tuple(FOUR[number] for number in seen)


@given(st.text(alphabet="0123456789,GPU-abc "), st.integers(0, 4))
def test_no_choice_of_devices_shows_one_twice_or_one_that_there_is_not(
    chosen: str, count: int
) -> None:
    seen = visible(FOUR[:count], chosen)
    assert len(set(seen)) == len(seen)
    assert set(seen) <= set(FOUR[:count])


def sinfo(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a program `sinfo` in place."""
    program = folder / "bin/sinfo"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")


def test_the_gpus_of_a_cluster_are_counted_once_a_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes = ("n1|gpu:h100:8(S:0-1)", "n1|gpu:h100:8(S:0-1)", "n2|gpu:a100:4,gpu:h100:2,shard:8")
    printed = "\n".join((*nodes, "n3|(null)", "n4|gpu:2"))
    sinfo(tmp_path, monkeypatch, f"cat <<END\n{printed}\nEND")
    assert cluster_gpus() == {"h100": 10, "a100": 4, "of no named type": 2}


def test_a_cluster_that_cannot_be_asked_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sinfo(tmp_path, monkeypatch, "echo 'slurm_load_partitions: Unable to contact' >&2; exit 1")
    with pytest.raises(InputError, match="sinfo: slurm_load_partitions: Unable to contact: is the"):
        cluster_gpus()

    def wait(command: list[str], timeout: float, **_: object) -> None:
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(gpus.subprocess, "run", wait)
    with pytest.raises(InputError, match="sinfo: no answer within 5 seconds"):
        cluster_gpus()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="sinfo: not here: start the run on a node"):
        cluster_gpus()
