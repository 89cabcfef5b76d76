"""GPUs are known from the driver and from SLURM, and none are invented."""

import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pynvml
import pytest
from support import machine

from ecslm.common.errors import InputError
from ecslm.preflight import gpus
from ecslm.preflight.gpus import Driver, Gpu, cluster_gpus, read_driver

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
