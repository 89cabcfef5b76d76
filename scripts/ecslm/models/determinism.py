"""Algorithms that give the same bytes in every run on the same GPU."""

import os

import torch

# A workspace of fixed size for each stream, without which cuBLAS picks its algorithms by what is
# free: https://docs.nvidia.com/cuda/cublas/#results-reproducibility
WORKSPACE, FIXED = "CUBLAS_WORKSPACE_CONFIG", (":4096:8", ":16:8")


def compute_deterministically(device: str) -> None:
    """Use only deterministic algorithms on a GPU from now on, at some cost of time; an operation
    without one raises an error. On a CPU all algorithms that the project uses are deterministic.

    Call it before anything is computed on the GPU: cuBLAS reads its setting once.
    """
    if device == "cpu":
        return
    if os.environ.get(WORKSPACE) not in FIXED:
        os.environ[WORKSPACE] = FIXED[0]
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
