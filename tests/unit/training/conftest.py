"""Fixtures of several tests of training."""

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def examples(tiny_base: Path) -> list[Any]:
    """Eight examples; answers of 2 to 40 tokens in prompts of several lengths."""
    from support.model_examples import PROMPTS, make_record

    from ecslm.models.bases import read_base
    from ecslm.models.loading import load_tokenizer
    from ecslm.models.prompts import PromptTemplate
    from ecslm.training.batches import encode_example

    tokenizer = load_tokenizer(read_base(tiny_base)[1])
    template = PromptTemplate(PROMPTS / "alpaca.jinja")
    records = [make_record(i, output="yes, no, " * i + "yes") for i in range(8)]
    return [encode_example(record, template, 0, tokenizer, 4000) for record in records]
