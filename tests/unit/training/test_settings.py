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


def test_what_is_measured_cannot_be_deterministic() -> None:
    assert TrainingSettings(batch_tokens="auto").batch_tokens == "auto"
    with pytest.raises(ValidationError, match="needs a number of `batch_tokens`"):
        TrainingSettings(batch_tokens="auto", deterministic=True)


@pytest.mark.parametrize("value", [0, 15, "all", None])
def test_a_token_budget_is_a_number_or_auto(value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        TrainingSettings.model_validate({"batch_tokens": value})
    (error,) = caught.value.errors()
    assert error["loc"] == ("batch_tokens",)
    assert "must be auto or a whole number of at least 16" in error["msg"]
