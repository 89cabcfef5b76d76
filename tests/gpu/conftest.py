"""The device of these tests: a GPU, or the CPU where `--on cpu` rehearses them."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option that takes the CPU for a GPU."""
    parser.addoption("--on", choices=("cuda", "cpu"), default="cuda", help="device of the tests")


@pytest.fixture(scope="session")
def device(request: pytest.FixtureRequest) -> str:
    """`cuda`, or `cpu`."""
    import torch

    chosen: str = request.config.getoption("--on", "cuda")
    if chosen == "cuda" and not torch.cuda.is_available():
        pytest.skip("needs a CUDA device; `--on cpu` rehearses the tests without one")
    return chosen


@pytest.fixture
def needs_gpu(device: str) -> None:
    """What no CPU can show."""
    if device == "cpu":
        pytest.skip("needs the memory of a GPU")
