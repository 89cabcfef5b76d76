"""Fixtures of all tests: tiny models, adapters and finished studies, made once a session."""

import gc
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from filelock import FileLock
from hypothesis import settings

# Takes a name and what makes a thing in a folder; returns the folder.
Shared = Callable[[str, Callable[[Path], object]], Path]

BYTES_NEEDED = 4 * 10**9
# The same examples in every run, on however slow a machine.
settings.register_profile("project", derandomize=True, deadline=None, max_examples=50)
settings.load_profile("project")

# Before torch is loaded: tiny matrices gain nothing from threads, and bytes depend on their number.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Snakemake gives its jobs more threads. Those that wait for one another would spin, and keep the
# cores from those that work, where jobs run beside each other.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# A cache that the user shares with others is not for tests.
for variable in ("ECSLM_CACHE", "ECSLM_CACHE_GB"):
    os.environ.pop(variable, None)


def pytest_configure() -> None:
    """Keep files in memory, also those of the workers of pytest-xdist, unless the user has chosen a
    place: tests copy projects of a thousand files, and what they run waits for each write."""
    # A container may have it without room, or without the right to run programs in it.
    memory = Path("/dev/shm")
    if (
        os.access(memory, os.W_OK)
        and shutil.disk_usage(memory).free > BYTES_NEEDED
        and not os.statvfs(memory).f_flag & os.ST_NOEXEC
    ):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory))


def pytest_collection_finish() -> None:
    """Keep the garbage collector from going through all of the libraries' objects in every test."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, which has nothing."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


# The fixtures import late, so that tests without a model need not wait for torch.


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Shared:
    """A function that makes what tests only read, or waits for the worker that does."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent

    def made_once(name: str, make: Callable[[Path], object]) -> Path:
        folder, made = root / f"shared-{name}", root / f"shared-{name}.made"
        with FileLock(root / f"shared-{name}.lock"):
            if not made.exists():
                make(folder)
                made.touch()
        return folder

    return made_once


@pytest.fixture(scope="session")
def completed(shared: Shared) -> Path:
    """A project whose studies have run to the end."""

    def make(folder: Path) -> None:
        from support.completed import completed_studies

        completed_studies(folder)

    return shared("completed", make)


@pytest.fixture
def finished(completed: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the finished project, to be edited."""
    copy = tmp_path / "project"
    shutil.copytree(completed, copy, symlinks=True)
    yield copy
    shutil.rmtree(copy)


@pytest.fixture
def project(finished: Path) -> Path:
    """The same, where tests have no other project."""
    return finished


@pytest.fixture(scope="session")
def tiny_model(shared: Shared) -> Path:
    """The folder of a tiny language model in hub layout."""

    return shared("tiny-model", lambda folder: _tiny().write_tiny_model(folder))


@pytest.fixture(scope="session")
def tiny_base(tiny_model: Path, shared: Shared) -> Path:
    """The manifest of the tiny language model as a base."""
    return _base("tiny", shared, lambda _: tiny_model)


@pytest.fixture(scope="session")
def other_base(shared: Shared) -> Path:
    """The manifest of a base with other weights."""

    return _base("other", shared, lambda folder: _tiny().write_tiny_model(folder, seed=1))


@pytest.fixture(scope="session")
def tiny_encoder(shared: Shared) -> Path:
    """The manifest of a tiny encoder for BERTScore."""

    return _base("encoder", shared, lambda folder: _tiny().write_tiny_encoder(folder))


@pytest.fixture(scope="session")
def exact_adapter(tiny_base: Path, shared: Shared) -> Path:
    """The manifest of an adapter trained in float32, never interrupted."""
    return _trained("exact", tiny_base, shared)


@pytest.fixture(scope="session")
def fluent_adapter(tiny_base: Path, shared: Shared) -> Path:
    """The manifest of an adapter trained for long enough to give answers of the right form."""
    return _trained("fluent", tiny_base, shared, epochs=15, dropout=0.0)


@pytest.fixture(scope="session")
def quantised_adapter(tiny_base: Path, shared: Shared) -> Path:
    """The manifest of an adapter trained on an NF4 base, computing in float32."""
    quantised = {"quantization": "nf4", "dtype": "float32"}
    return _trained("quantised", tiny_base, shared, quantised)


def _trained(name: str, base: Path, shared: Shared, *precision: object, **changes: object) -> Path:
    def make(folder: Path) -> None:
        from support.model_examples import adapter_settings, train

        train(folder, base, adapter_settings(*precision, **changes))

    return shared(name, make) / "adapter/manifest.json"


def _base(name: str, shared: Shared, write: Callable[[Path], Path]) -> Path:
    def make(folder: Path) -> None:
        from ecslm.models.bases import PathSource
        from ecslm.models.fetching import fetch_base

        source = PathSource(source="path", path=str(write(folder / "model")))
        fetch_base(name, source, folder / "manifest.json")

    return shared(name, make) / "manifest.json"


def _tiny() -> ModuleType:
    from support import tiny

    return tiny
