"""How models are tuned: what a study says of all, and a model of itself."""

from typing import Any

import pytest
from support.configs import changed, problems, small, study_of

# Each edit of the small configuration, and the only line that it gives.
PROBLEMS: dict[str, tuple[str, Any, str]] = {
    "an unknown key of a model's training": (
        ".models.Small-EC.training",
        {"learnig_rate": 0.1},
        "studies.shop.models.Small-EC.training.learnig_rate: unknown key: did you mean "
        "`learning_rate`?",
    ),
    "a number out of range": (
        ".models.Small-EC.training",
        {"dropout": 1.0},
        "studies.shop.models.Small-EC.training.dropout: should be less than 1, not 1.0",
    ),
    "a share of no records": (
        ".training.train_fraction",
        0,
        "studies.shop.training.train_fraction: should be more than 0, not 0",
    ),
}


@pytest.mark.parametrize(("path", "value", "line"), PROBLEMS.values(), ids=PROBLEMS)
def test_one_line_tells_of(path: str, value: Any, line: str) -> None:
    assert problems(changed(path, value)) == (line,)


def test_a_tuned_model_needs_a_task_that_trains() -> None:
    raw = small()
    for task in raw["tasks"].values():
        task["train"] = False
    (line,) = problems(raw)
    assert line == (
        "studies.shop.models.Small-EC.training: none of the study's tasks has `train: true`"
    )


def test_tuned_models_inherit_training_key_by_key() -> None:
    raw = changed(".models.Small-EC.training", {"epochs": 5})
    models = study_of(raw).models
    training = models["Small-EC"].training
    assert training is not None
    assert (training.epochs, training.rank, training.alpha) == (5, 8, 16)
    assert models["Small"].training is None, "a base as it is stays untuned"


def test_an_empty_training_section_is_the_studys_own() -> None:
    study = study_of(small())
    assert study.models["Small-EC"].tuned
    assert study.models["Small-EC"].training == study.training


def test_a_tuned_model_may_have_seeds_where_the_study_has_no_training_section() -> None:
    raw = changed(".models.Small-EC.seeds", [0, 1])
    del raw["studies"]["shop"]["training"]
    study = study_of(raw)
    assert study.models["Small-EC"].training == study.training
    assert study.models["Small-EC"].seeds == (0, 1)
