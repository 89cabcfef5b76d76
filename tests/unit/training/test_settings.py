"""Settings of training: one form for all spellings of the same adapter."""

from itertools import permutations

import pytest
from pydantic import ValidationError

from ecslm.training.settings import TrainingSettings


def test_the_order_of_layers_is_no_setting() -> None:
    layers = ("q_proj", "lm_head", "up_proj")
    assert len({TrainingSettings(target_modules=order) for order in permutations(layers)}) == 1
    default = TrainingSettings().target_modules
    assert TrainingSettings(target_modules=default[::-1]).target_modules == default


def test_a_layer_is_listed_once() -> None:
    with pytest.raises(ValidationError, match="a layer is listed twice"):
        TrainingSettings(target_modules=("q_proj", "lm_head", "q_proj"))
