"""Fixtures of several tests of prediction."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest


@pytest.fixture(scope="module")
def tokenizer(tiny_base: Path) -> Any:
    from ecslm.models.bases import read_base
    from ecslm.models.loading import load_tokenizer

    return load_tokenizer(read_base(tiny_base)[1])


@pytest.fixture(scope="module")
def model(tiny_base: Path) -> Any:
    """The tiny model, in float32."""
    import torch
    from support.model_examples import EXACT

    from ecslm.families.transformers.generation import load_model
    from ecslm.models.bases import read_base
    from ecslm.models.precision import Precision

    precision = Precision.model_validate(EXACT)
    return load_model(read_base(tiny_base)[1], None, precision, True, torch.device("cpu"))


@pytest.fixture
def small_chunks() -> Iterator[None]:
    """Prompts of a batch are read in several chunks, and short prefixes are shared."""
    from ecslm.families.transformers import prefill

    with mock.patch.dict(prefill.CHUNK, cpu=20), mock.patch.dict(prefill.WORTH, cpu=3):
        yield
