"""Variables of the environment that would change results, and the type of CPU."""

from contextlib import nullcontext
from pathlib import Path

import pytest

from ecslm.common import environment
from ecslm.common.environment import cpu_type, refuse_variables
from ecslm.common.errors import InputError

CPU = (
    *("ATEN_CPU_CAPABILITY=default", "DNNL_MAX_CPU_ISA=AVX2", "MKL_CBWR=COMPATIBLE"),
    *("MKL_ENABLE_INSTRUCTIONS=SSE4_2", "OMP_DYNAMIC=true", "OMP_THREAD_LIMIT=1"),
    *("ONEDNN_DEFAULT_FPMATH_MODE=BF16", "ONEDNN_MAX_CPU_ISA=AVX2", "OPENBLAS_CORETYPE=Haswell"),
)
GPU = (
    *("CUBLAS_WORKSPACE_CONFIG=:0:0", "NVIDIA_TF32_OVERRIDE=0"),
    *("TORCH_ALLOW_TF32_CUBLAS_OVERRIDE=1", "TORCH_BLAS_PREFER_CUBLASLT=1"),
)
HARMLESS = (
    *("OMP_DYNAMIC=FALSE", "CUBLAS_WORKSPACE_CONFIG=:16:8", "OMP_NUM_THREADS=3"),
    *("CUDA_VISIBLE_DEVICES=0", "SLURM_JOB_ID=1"),
)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_each_variable_that_changes_results_is_refused_and_no_other(
    device: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = CPU + GPU if device == "cuda" else CPU
    for given in HARMLESS + CPU + GPU:
        name, _, value = given.partition("=")
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            told = pytest.raises(
                InputError, match=f"^{given} in .*: `unset {name}`, then run again$"
            )
            with told if given in refused else nullcontext():
                refuse_variables(device)
    # Nor may a library be hidden.
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "mine.py").touch()
    refuse_variables(device)
    (tmp_path / "torch").mkdir()
    with pytest.raises(InputError, match=r"PYTHONPATH=.*hides torch of this environment"):
        refuse_variables(device)


def test_the_type_of_cpu_is_told_by_what_decides_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "CPU_INFO", tmp_path / "cpuinfo")
    types = set()
    for flags in ("fpu avx2 smep", "avx2 fpu", "avx2 avx512_bf16", "avx2 amx_bf16"):
        environment.CPU_INFO.write_text(f"vendor_id\t: A\nflags\t\t: {flags}\n\nvendor_id : B\n")
        types.add(cpu_type().partition(" ")[2])
    assert types == {"A avx2", "A avx2 avx512_bf16", "A amx_bf16 avx2"}
