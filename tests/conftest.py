"""Fixtures of all tests: tiny models, made once a session."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples in every run, on however slow a machine.
settings.register_profile("project", derandomize=True, deadline=None)
settings.load_profile("project")

# Before torch is loaded: tiny matrices gain nothing from threads, and bytes depend on their number.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

# The fixtures import late, so that tests without a model need not wait for torch.


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny language model in hub layout."""
    from support.tiny import write_tiny_model

    return write_tiny_model(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture(scope="session")
def tiny_base(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The manifest of the tiny language model as a base."""
    return _base(tiny_model, tmp_path_factory.mktemp("bases") / "tiny" / "manifest.json")


@pytest.fixture(scope="session")
def other_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The manifest of a base with other weights."""
    from support.tiny import write_tiny_model

    folder = tmp_path_factory.mktemp("other")
    return _base(write_tiny_model(folder / "model", seed=1), folder / "manifest.json")


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The manifest of a tiny encoder for BERTScore."""
    from support.tiny import write_tiny_encoder

    folder = tmp_path_factory.mktemp("encoder")
    return _base(write_tiny_encoder(folder / "model"), folder / "manifest.json")


@pytest.fixture(scope="session")
def exact_adapter(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The manifest of an adapter trained in float32, never interrupted."""
    from support.model_examples import train

    return train(tmp_path_factory.mktemp("exact"), tiny_base)


@pytest.fixture(scope="session")
def fluent_adapter(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The manifest of an adapter trained for long enough to give answers of the right form."""
    from support.model_examples import adapter_settings, train

    settings = adapter_settings(epochs=15, dropout=0.0)
    return train(tmp_path_factory.mktemp("fluent"), tiny_base, settings)


@pytest.fixture(scope="session")
def quantised_adapter(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The manifest of an adapter trained on an NF4 base, computing in float32."""
    from support.model_examples import QUANTISED, adapter_settings, train

    folder = tmp_path_factory.mktemp("quantised")
    return train(folder, tiny_base, adapter_settings(QUANTISED))


def _base(model: Path, manifest: Path) -> Path:
    from ecslm.models.bases import PathSource
    from ecslm.models.fetching import fetch_base

    fetch_base(manifest.parent.name, PathSource(source="path", path=str(model)), manifest)
    return manifest
