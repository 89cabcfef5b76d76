"""What this machine has is known by the names that it has there, and none invented."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pynvml
import pytest
from support import machine as machines
from support.planned_runs import GPU, driver, lines, planned_run
from support.project import ROOT

from ecslm.common.errors import InputError
from ecslm.estimates.devices import DEVICES, read_devices
from ecslm.preflight import drivers, machine
from ecslm.preflight import findings as planned
from ecslm.preflight.drivers import Driver, Gpu, cuda_of_torch, read_driver
from ecslm.preflight.machine import (
    alike,
    check_cache_folder,
    check_devices,
    check_latex,
    met,
)
from ecslm.preflight.profiles import Profile

CUDA = {"device": "cuda", "precision": {}}
KNOWN = [one for one in read_devices(ROOT / DEVICES).values() if one.kind == "cuda"]
TWO = driver(GPU, GPU)


@pytest.fixture(autouse=True)
def visible(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that hides no GPU, and a torch for CUDA."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(machine, "cuda_of_torch", lambda: 12)


def use(found: Driver | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this machine have these GPUs."""
    monkeypatch.setattr(planned, "read_driver", lambda: found)
    present = [
        machines.Gpu(f"GPU-{number}") for number, _ in enumerate(found.gpus if found else ())
    ]
    machines.install(present, monkeypatch.setattr)


def test_the_driver_tells_its_version_and_the_gpus_that_jobs_would_see(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    memory = {"GPU-0": (40, 30), "GPU-1": (80, 79)}
    machines.install(
        (machines.Gpu("GPU-0"), machines.Gpu("GPU-1", "NVIDIA Z100")), monkeypatch.setattr
    )
    answers = {
        "nvmlSystemGetCudaDriverVersion": lambda: 12080,
        "nvmlSystemGetDriverVersion": lambda: "570.1",
        "nvmlDeviceGetHandleByUUID": memory.__getitem__,
        "nvmlDeviceGetMemoryInfo": lambda memory: SimpleNamespace(total=memory[0], free=memory[1]),
    }
    for name, answer in answers.items():
        monkeypatch.setattr(pynvml, name, answer)
    found = read_driver()
    assert found is not None
    assert (found.version, found.cuda) == ("570.1", 12)
    assert found.gpus == (Gpu("NVIDIA A100", 40, 30), Gpu("NVIDIA Z100", 80, 79))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert read_driver() == replace(found, gpus=found.gpus[1:2])
    machines.install([], monkeypatch.setattr)
    assert read_driver() is None


def test_the_cuda_of_torch_is_read_without_loading_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(drivers, "find_spec", lambda _: spec)
    for text, version in (("cuda: Optional[str] = '12.6'", 12), ("cuda = None", None)):
        (tmp_path / "version.py").write_text(f"debug = False\n{text}\nhip = None\n")
        assert cuda_of_torch() == version


def test_gpus_are_told_by_name_and_a_run_is_refused_here_as_its_start_would(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use(TWO, monkeypatch)
    for handed_out, gpus, words in ((0, 1, "--resources gpu=0"), (1, 2, "takes 2")):
        run = planned_run(Profile("gpu", gpus=handed_out), **CUDA, gpus=gpus)
        with pytest.raises(InputError, match=words):
            list(check_devices(run))
    for gpus, more in ((1, ", of which jobs use 1 at a time"), (2, "")):
        (found,) = check_devices(planned_run(Profile("gpu", gpus=gpus), **CUDA))
        assert found.message == f"2 x NVIDIA Z100 (80 GB){more}"
    assert not list(check_devices(planned_run(Profile("slurm", executor="slurm"), **CUDA)))


def test_without_a_gpu_the_ways_to_one_are_named_and_the_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use(None, monkeypatch)
    on_gpu = {f"{rule}:device": "cuda" for rule in ("train_adapter", "predict")}
    by_profile = planned_run(Profile("gpu", gpus=1, resources=on_gpu))
    for run, key in (
        (planned_run(Profile("gpu", gpus=1), **CUDA), "studies.shop.device"),
        (by_profile, "profiles/gpu/config.yaml"),
    ):
        (line,) = lines(check_devices(run))
        assert line.startswith(f"error: {key}: cuda, but this machine has no NVIDIA GPU: run it on")
    on_cpu = Profile("mine", gpus=1, resources=dict.fromkeys(on_gpu, "cpu"))
    assert not lines(check_devices(planned_run(on_cpu, **CUDA)))


def test_a_torch_that_cannot_use_the_gpus_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    use(driver(GPU, cuda=11), monkeypatch)
    run = planned_run(Profile("gpu", gpus=1), **CUDA)
    assert lines(check_devices(run)) == [
        "error: NVIDIA driver: 580.95.05 runs CUDA up to 11, but torch is built for 12: "
        "install a driver for CUDA 12, or a build of torch for CUDA 11"
    ]
    monkeypatch.setattr(machine, "cuda_of_torch", lambda: None)
    (line,) = lines(check_devices(run))
    assert line.startswith("error: torch: this build is only for the CPU, but models run on cuda")


def test_a_missing_latex_is_a_warning_with_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.shutil, "which", lambda _: None)
    (line,) = lines(check_latex(planned_run()))
    assert line.startswith("warning: latexmk: not installed")
    assert "apt-get install --no-install-recommends latexmk" in line


@pytest.mark.parametrize("home", [None, "a file"])
def test_a_folder_for_caches_that_cannot_be_used_names_the_variable(
    home: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    check_cache_folder()
    if home is None:
        monkeypatch.delenv("XDG_CACHE_HOME")
        monkeypatch.delenv("HOME", raising=False)
        monkeypatch.setattr(machine.os.path, "expanduser", lambda path: path)
    else:
        (tmp_path / home).touch()
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / home))
    with pytest.raises(InputError, match="set XDG_CACHE_HOME to a folder that you may write"):
        check_cache_folder()


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("NVIDIA A100-SXM4-80GB", "NVIDIA A100 SXM 80 GB"),
        ("a100_80gb", "NVIDIA A100 SXM 80 GB"),
        ("NVIDIA H100 PCIe", "NVIDIA H100 PCIe 80 GB"),
        ("NVIDIA H100 80GB HBM3", "NVIDIA H100 SXM 80 GB"),
        ("h100", "NVIDIA H100 SXM 80 GB"),
        ("NVIDIA GeForce RTX 4090", "NVIDIA RTX 4090"),
        ("NVIDIA A10", None),
        ("Tesla V100-SXM2-16GB", None),
        ("of no named type", None),
    ],
)
def test_a_gpu_is_known_by_the_names_that_driver_and_scheduler_have(
    name: str, known: str | None
) -> None:
    found = alike(name, KNOWN)
    assert (found and found.name) == known
    assert [alike(device.name, KNOWN) for device in KNOWN] == KNOWN


def met_on(found: Driver | None, monkeypatch: pytest.MonkeyPatch) -> machine.Met:
    monkeypatch.setattr(planned, "read_driver", lambda: found)
    return met(planned_run(Profile("gpu", gpus=1), **CUDA))


def test_of_several_gpus_the_slowest_counts_with_the_least_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    a100 = replace(GPU, name="NVIDIA A100-SXM4-40GB", memory=40 * 10**9)
    found = met_on(driver(replace(GPU, name="NVIDIA H100 PCIe"), a100), monkeypatch)
    assert (found.name, found.device.name) == (a100.name, "NVIDIA A100 SXM 80 GB")
    assert found.device.memory == a100.memory
    unknown = met_on(driver(GPU), monkeypatch)
    assert (unknown.name, unknown.device.name) == (GPU.name, "NVIDIA A10G")
    assert unknown.device.memory == GPU.memory
    for none in (None, driver()):
        assert met_on(none, monkeypatch).name is None


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        ("avx512_bf16 amx_bf16", "two CPU cores with AMX"),
        ("avx2 avx512_bf16", "two CPU cores with AVX512-BF16"),
        ("avx2", "two CPU cores with float32 alone"),
    ],
)
def test_a_cpu_counts_by_its_instructions_and_threads(
    flags: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cpu = tmp_path / "cpuinfo"
    cpu.write_text(f"flags: {flags}\n")
    monkeypatch.setattr(machine, "CPU_FLAGS", cpu)
    two, four = (met(planned_run(threads=threads)).device for threads in (2, 4))
    assert two.name == name
    assert four.tflops == 2 * two.tflops
