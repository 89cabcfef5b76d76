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
from ecslm.estimates.estimate import DEVICES, read_devices
from ecslm.preflight import findings, machine
from ecslm.preflight.findings import Driver, Gpu, cuda_of_torch, read_driver
from ecslm.preflight.machine import alike, check_cache_folder, check_devices, met
from ecslm.preflight.profiles import Profile

CUDA = {"device": "cuda", "precision": {}}
KNOWN = [one for one in read_devices(ROOT / DEVICES).values() if one.kind == "cuda"]


@pytest.fixture(autouse=True)
def visible(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that hides no GPU, and a torch for CUDA."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(machine, "cuda_of_torch", lambda: 12)


def use(found: Driver | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this machine have these GPUs."""
    monkeypatch.setattr(findings, "read_driver", lambda: found)
    present = [machines.Gpu(f"GPU-{n}") for n, _ in enumerate(found.gpus if found else ())]
    machines.install(present, monkeypatch.setattr)


def test_the_driver_tells_its_version_and_visible_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = {"GPU-0": 40, "GPU-1": 80}
    present = (machines.Gpu("GPU-0"), machines.Gpu("GPU-1", "NVIDIA Z100"))
    machines.install(present, monkeypatch.setattr)
    for name, answer in {
        "nvmlSystemGetCudaDriverVersion": lambda: 12080,
        "nvmlDeviceGetHandleByUUID": memory.__getitem__,
        "nvmlDeviceGetMemoryInfo": lambda memory: SimpleNamespace(total=memory),
        "nvmlDeviceGetCudaComputeCapability": lambda _: [8, 6],
    }.items():
        monkeypatch.setattr(pynvml, name, answer)
    gpus = Gpu("NVIDIA A100", 40, (8, 6)), Gpu("NVIDIA Z100", 80, (8, 6))
    assert read_driver() == Driver(12, gpus)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert read_driver() == Driver(12, gpus[1:])
    machines.install([], monkeypatch.setattr)
    assert read_driver() is None


def test_torch_is_not_loaded_for_its_cuda(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(findings, "find_spec", lambda _: spec)
    for text, version in (("cuda: Optional[str] = '12.6'", 12), ("cuda = None", None)):
        (tmp_path / "version.py").write_text(f"debug = False\n{text}\nhip = None\n")
        assert cuda_of_torch() == version


def test_gpus_are_told_by_name_and_too_few_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    use(driver(GPU, GPU), monkeypatch)
    with pytest.raises(InputError, match="takes 2"):
        list(check_devices(planned_run(Profile("gpu", gpus=1), **CUDA, gpus=2)))
    (found,) = check_devices(planned_run(Profile("gpu", gpus=1), **CUDA))
    assert found.message == "2 x NVIDIA Z100 (80 GB)"
    assert not list(check_devices(planned_run(Profile("slurm", executor="slurm"), **CUDA)))


def test_without_a_gpu_the_ways_to_one_are_named_and_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    use(None, monkeypatch)
    on_gpu = {f"{rule}:device": "cuda" for rule in ("train_adapter", "predict")}
    for run in (
        planned_run(Profile("gpu", gpus=1), **CUDA),
        planned_run(Profile("gpu", gpus=1, resources=on_gpu)),
    ):
        (line,) = lines(check_devices(run))
        assert line.startswith("error: models run on cuda, but this machine has no NVIDIA GPU: use")
    on_cpu = Profile("mine", gpus=1, resources=dict.fromkeys(on_gpu, "cpu"))
    assert not lines(check_devices(planned_run(on_cpu, **CUDA)))
    (line,) = lines(check_devices(planned_run(training={"batch_tokens": "auto"})))
    assert line.startswith("error: Small-EC: training.batch_tokens: auto measures the memory of a")


def test_a_torch_or_gpus_that_do_not_fit_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    use(driver(replace(GPU, name="Tesla T4", capability=(7, 5)), cuda=11), monkeypatch)

    def told(dtype: str) -> list[str]:
        of_study = {"device": "cuda", "precision": {"dtype": dtype}}
        return lines(check_devices(planned_run(Profile("gpu", gpus=1), **of_study)))

    built, slow = told("bfloat16")
    assert built == (
        "error: NVIDIA driver: it runs CUDA up to 11, but torch is built for 12: "
        "install a driver for CUDA 12, or a build of torch for CUDA 11"
    )
    assert slow.startswith("warning: Tesla T4: computes bfloat16 many times slower than estimated")
    assert "float16 is not offered" in slow
    assert told("float32") == [built]
    # The newest that the driver runs.
    use(driver(GPU, cuda=12), monkeypatch)
    assert not told("bfloat16")
    monkeypatch.setattr(machine, "cuda_of_torch", lambda: None)
    (line,) = told("bfloat16")
    assert line.startswith("error: torch: this build is only for the CPU, but models run on cuda")


def test_caches_need_a_folder_of_theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    check_cache_folder()
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    fix = "no folder for caches .*: set XDG_CACHE_HOME to a folder that you may write"
    with pytest.raises(InputError, match=fix):
        check_cache_folder()
    monkeypatch.delenv("XDG_CACHE_HOME")
    # Of a user without a home.
    monkeypatch.setattr(machine.os.path, "expanduser", lambda path: path)
    with pytest.raises(InputError, match=fix):
        check_cache_folder()


NAMES = {
    "NVIDIA A100-SXM4-80GB": "NVIDIA A100 SXM 80 GB",
    "NVIDIA H100 PCIe": "NVIDIA H100 PCIe 80 GB",
    "NVIDIA H100 80GB HBM3": "NVIDIA H100 SXM 80 GB",
    "NVIDIA GeForce RTX 4090": "NVIDIA RTX 4090",
    **dict.fromkeys(("NVIDIA A10", "Tesla V100-SXM2-16GB", "of no named type")),
}


def test_a_gpu_is_known_by_the_name_that_its_driver_has() -> None:
    found = {name: alike(name, KNOWN) for name in NAMES}
    assert {name: one and one.name for name, one in found.items()} == NAMES
    assert [alike(device.name, KNOWN) for device in KNOWN] == KNOWN


def test_of_several_gpus_that_with_the_least_memory_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    h100 = replace(GPU, name="NVIDIA H100 PCIe")
    a100 = replace(GPU, name="NVIDIA A100-SXM4-40GB", memory=40 * 10**9)
    for found, name, known, memory in (
        (driver(h100, a100), a100.name, "NVIDIA A100 SXM 80 GB", 40),
        (driver(GPU), GPU.name, "NVIDIA A10G", 80),
        (driver(), "", "NVIDIA A10G", 24),
        (None, "", "NVIDIA A10G", 24),
    ):
        monkeypatch.setattr(findings, "read_driver", lambda found=found: found)
        device, called = met(planned_run(Profile("gpu", gpus=1), **CUDA))
        assert (called, device.name, device.memory_gb) == (name, known, memory)


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        ("avx512_bf16 amx_bf16", "two CPU cores with AMX"),
        ("avx2 avx512_bf16", "two CPU cores with AVX512-BF16"),
        ("avx2", "two CPU cores with float32 alone"),
    ],
)
def test_a_cpu_counts_by_its_instructions_and_threads(
    flags: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "cpu_type", lambda: f"x86_64 AMD {flags}")
    (two, called), (four, _) = (met(planned_run(threads=threads)) for threads in (2, 4))
    assert (two.name, called) == (name, "this CPU, 2 threads")
    assert (four.tflops, four.usd_per_hour) == (2 * two.tflops, 2 * two.usd_per_hour)
