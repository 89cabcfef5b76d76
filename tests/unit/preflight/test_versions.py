"""Libraries of other versions than the locked ones, and a torch that cannot use the GPU."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.planned_runs import GPU, driver, lines, planned_run

from ecslm.common.versions import LOCK_FILE, installed_versions, lock_versions
from ecslm.preflight import planned_run as planned
from ecslm.preflight import torch_build, versions
from ecslm.preflight.gpus import Driver
from ecslm.preflight.planned_run import PlannedRun
from ecslm.preflight.profiles import Profile
from ecslm.preflight.torch_build import cuda_of_torch
from ecslm.preflight.versions import PINNED, check_driver, check_versions

CUDA = {"device": "cuda", "precision": {}}
PACKAGES = PINNED.findall(LOCK_FILE.read_text(encoding="utf-8"))


def install(monkeypatch: pytest.MonkeyPatch, **other: str) -> None:
    """Make some packages have other versions than the locked ones, by name with underscores."""
    named = {name.replace("_", "-"): version for name, version in other.items()}
    monkeypatch.setattr(
        versions, "installed_versions", lambda wanted: lock_versions(wanted) | named
    )


def test_every_line_of_the_lock_file_is_compared() -> None:
    pinned = [line for line in LOCK_FILE.read_text(encoding="utf-8").splitlines() if "==" in line]
    assert len(PACKAGES) == len(pinned)
    assert len(installed_versions(PACKAGES)) == len(pinned)


def test_a_library_that_a_job_of_the_run_refuses_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install(monkeypatch, peft="0.1", torch="not installed")
    assert lines(check_versions(planned_run())) == [
        "error: peft: 0.1 here, 0.21.2 in requirements.lock: run `make setup`",
        "error: torch: not installed here, 2.13.0 in requirements.lock: run `make setup`",
    ]


def test_other_libraries_are_one_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, ruff="1", mypy="1", tqdm="1", pytest="1")
    assert lines(check_versions(planned_run())) == [
        "warning: mypy, pytest, ruff and 1 more: other versions here than in requirements.lock: "
        "run `make setup`"
    ]


def write_torch(folder: Path, monkeypatch: pytest.MonkeyPatch, cuda: str) -> None:
    """Put a torch in place that was built for a version of CUDA, as its version.py says."""
    package = folder / "site/torch"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise AssertionError('loaded')\n")
    (package / "version.py").write_text(
        "from typing import Optional\n\n__version__ = '2.13.0'\ndebug = False\n"
        f"cuda: Optional[str] = {cuda}\nhip: Optional[str] = '7.1'\n"
    )
    monkeypatch.setattr(
        torch_build, "find_spec", lambda _: type("Spec", (), {"origin": package / "__init__.py"})
    )


@pytest.mark.parametrize(("cuda", "built"), [("'12.8'", (12, 8)), ("None", None)])
def test_what_torch_was_built_for_is_read_without_loading_it(
    cuda: str, built: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_torch(tmp_path, monkeypatch, cuda)
    assert cuda_of_torch() == built


def test_what_torch_was_built_for_is_what_it_says_itself() -> None:
    import torch

    said = torch.version.cuda
    assert cuda_of_torch() == (None if said is None else tuple(map(int, said.split(".")[:2])))


def told(
    monkeypatch: pytest.MonkeyPatch, built: tuple[int, int] | None, found: Driver | None
) -> list[str]:
    monkeypatch.setattr(versions, "cuda_of_torch", lambda: built)
    monkeypatch.setattr(planned, "read_driver", lambda: found)
    return lines(check_driver(planned_run(Profile("gpu"), **CUDA)))


def test_a_torch_for_the_cpu_alone_is_refused_where_models_run_on_a_gpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (line,) = told(monkeypatch, None, driver(GPU))
    assert line.startswith("error: torch: this build is only for the CPU, but models run on cuda")
    assert "install a build of 2.13.0 for CUDA" in line
    monkeypatch.setattr(versions, "cuda_of_torch", lambda: None)
    assert list(check_driver(planned_run())) == []


def test_a_driver_older_than_what_torch_was_built_for_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert told(monkeypatch, (13, 0), driver(GPU, cuda=(12, 8))) == [
        "error: NVIDIA driver: 580.95.05 runs CUDA up to 12.8, but torch is built for 13.0: "
        "install a driver for CUDA 13, or a build of torch for CUDA 12"
    ]


def test_without_a_driver_nothing_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not told(monkeypatch, (13, 0), None)


NUMBERS = st.tuples(st.integers(11, 14), st.integers(0, 9))


def test_a_driver_runs_what_was_built_for_its_major_version_or_an_earlier_one() -> None:
    run = planned_run(Profile("gpu"), **CUDA)

    @given(NUMBERS, NUMBERS)
    def compared(built: tuple[int, int], runs: tuple[int, int]) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(versions, "cuda_of_torch", lambda: built)
            one = PlannedRun(run.plan, run.jobs, run.profile)
            patch.setattr(planned, "read_driver", lambda: driver(GPU, cuda=runs))
            assert bool(lines(check_driver(one))) == (built[0] > runs[0])

    compared()
