"""Settings of training: one form for all spellings of the same adapter."""

from itertools import permutations
from typing import Any

import pytest
from pydantic import ValidationError

from ecslm.training.settings import TrainingSettings


def test_the_order_of_layers_is_no_setting() -> None:
    layers = ("q_proj", "lm_head", "up_proj")
    assert len({TrainingSettings(target_modules=order) for order in permutations(layers)}) == 1
    default = TrainingSettings().target_modules
    assert TrainingSettings(target_modules=(*default[::-1], *layers)).target_modules == default


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"batch_tokens": "auto", "deterministic": True}, "needs a number of `batch_tokens`"),
        ({"batch_tokens": 15}, "must be auto or a whole number of at least 16"),
    ],
)
def test_what_makes_no_sense_is_one_problem(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem) as caught:
        TrainingSettings.model_validate(changes)
    assert caught.value.error_count() == 1
