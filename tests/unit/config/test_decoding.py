"""How answers are generated: what a study says of all tasks and of one, and a model of itself."""

from typing import Any

import pytest
from support.configs import changed, loaded, problems, put, small, study_of

from ecslm.common.errors import InputError
from ecslm.config.backends.transformers import TransformersModel

# Each edit of the small configuration, and the only line that it gives.
PROBLEMS: dict[str, tuple[str, Any, str]] = {
    "an unknown key of a task's decoding": (
        ".task_decoding.AG",
        {"max_new_token": 9},
        "studies.shop.task_decoding.AG.max_new_token: unknown key: did you mean `max_new_tokens`?",
    ),
    "an unknown task of task_decoding": (
        ".task_decoding.PMM",
        {},
        "studies.shop.task_decoding: PMM is not in tasks: did you mean `PM`?",
    ),
    "a misspelt decoding key of a model": (
        ".models.Small.decoding",
        {"max_new_token": 5},
        "studies.shop.models.Small.decoding.max_new_token: unknown key: did you mean "
        "`max_new_tokens`?",
    ),
    "answers as long as all tokens, for one model": (
        ".models.Small.decoding",
        {"max_new_tokens": 500},
        "studies.shop.models.Small.decoding.max_length: 500 should be greater than the 500 tokens "
        "of max_new_tokens, with the keys of decoding",
    ),
    "answers of one task as long as all tokens of a model": (
        ".models.Small.decoding",
        {"max_length": 90},
        "studies.shop.models.Small.decoding.max_length: 90 should be greater than the 90 tokens "
        "of max_new_tokens, with the keys of task_decoding.AG",
    ),
    "an untuned greedy model with two seeds": (
        ".models.Small.seeds",
        [0, 1],
        "studies.shop.models.Small.seeds: an untuned model with greedy decoding has the single "
        "seed 0",
    ),
    "answers as long as all tokens": (
        ".decoding.max_new_tokens",
        500,
        "studies.shop.decoding.max_length: should be greater than the 500 tokens of "
        "max_new_tokens, not 500",
    ),
    "answers as long as all tokens by default": (
        ".decoding",
        {"max_new_tokens": 4000},
        "studies.shop.decoding.max_length: should be greater than the 4000 tokens of "
        "max_new_tokens, not 4000",
    ),
    "answers of one task longer than all tokens": (
        ".task_decoding.AG.max_new_tokens",
        700,
        "studies.shop.task_decoding.AG.max_length: should be greater than the 700 tokens of "
        "max_new_tokens, not 500",
    ),
}


@pytest.mark.parametrize(("path", "value", "line"), PROBLEMS.values(), ids=PROBLEMS)
def test_one_line_tells_of(path: str, value: Any, line: str) -> None:
    assert problems(changed(path, value)) == (line,)


def test_decoding_of_a_task_inherits_key_by_key() -> None:
    study = study_of(small())
    assert study.task_decoding["AG"].max_new_tokens == 90
    assert study.task_decoding["AG"].max_length == 500
    assert study.decoding.max_new_tokens == 20


def test_a_models_own_decoding_replaces_single_keys_in_every_task() -> None:
    raw = changed(".models.Small.decoding", {"sample": True, "max_new_tokens": 30})
    study = study_of(raw)
    small_model, tuned = study.models["Small"], study.models["Small-EC"]
    assert isinstance(small_model, TransformersModel) and isinstance(tuned, TransformersModel)
    for shared in (study.decoding, study.task_decoding["AG"]):
        found = small_model.decoded(shared)
        assert (found.sample, found.max_new_tokens, found.max_length) == (True, 30, 500)
        assert found.temperature == shared.temperature
        assert tuned.decoded(shared) == shared


@pytest.mark.parametrize("section", [".decoding", ".task_decoding.AG"])
def test_an_untuned_model_that_samples_may_have_seeds(section: str) -> None:
    raw = changed(".models.Small.seeds", [0, 1])
    put(raw, section, {"sample": True})
    assert study_of(raw).models["Small"].seeds == (0, 1)


@pytest.mark.parametrize(("shared", "own"), [(False, True), (True, False)])
def test_whether_an_untuned_model_may_have_seeds_is_told_by_its_own_decoding(
    shared: bool, own: bool
) -> None:
    raw = changed(".models.Small", {"base": "Small", "template": "chatml", "seeds": [0, 1]})
    put(raw, ".decoding.sample", shared)
    put(raw, ".models.Small.decoding", {"sample": own})
    if own:
        assert study_of(raw).models["Small"].seeds == (0, 1)
    else:
        with pytest.raises(InputError, match="greedy decoding has the single seed 0"):
            loaded(raw)
