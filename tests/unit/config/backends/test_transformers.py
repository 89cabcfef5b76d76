"""Models that are run here: base, prompt, seeds, adapters, and whether their answers are free."""

from typing import Any

import pytest
from support.configs import changed, loaded, problems, study_of
from support.project import PROMPTS

from ecslm.prediction.settings import DecodingSettings

# Each edit of the small configuration, and the only line that it gives.
PROBLEMS: dict[str, tuple[str, Any, str]] = {
    "an unknown key of a model": (
        ".models.Small.seed",
        0,
        "studies.shop.models.Small.seed: unknown key: did you mean `seeds`?",
    ),
    "an unknown base": (
        ".models.Small.base",
        "Smal",
        "studies.shop.models.Small.base: Smal is not in bases: did you mean `Small`?",
    ),
    "an unknown template": (
        ".models.Small.template",
        "chatlm",
        f"studies.shop.models.Small.template: chatlm is not in {PROMPTS}: did you mean `chatml`?",
    ),
    "a seed twice": (
        ".models.Small-EC.seeds",
        [3, 3],
        "studies.shop.models.Small-EC.seeds: a seed is listed twice",
    ),
    "an example without settings that have one": (
        ".models.Small.shots",
        1,
        "studies.shop.models.Small.shots: 1 needs the 1-shot settings among the study's `settings`",
    ),
    "limited answers that the name hides": (
        ".models.Small.answers",
        "constrained",
        "studies.shop.models.Small: its answers are not free: rename it so that its rows say so: "
        "Small-constrained",
    ),
    "a normalization of free answers": (
        ".models.Small.normalization",
        "bytes",
        "studies.shop.models.Small.normalization: only with `answers: likelihood`, not 'bytes'",
    ),
    "adapters of an unknown model": (
        ".models.Small",
        {"base": "Small", "template": "chatml", "adapter_of": "Smal-EC"},
        "studies.shop.models.Small.adapter_of: Smal-EC is not in the study's models: did you mean "
        "`Small-EC`?",
    ),
    "adapters with another prompt": (
        ".models.Small",
        {"base": "Small", "template": "alpaca", "adapter_of": "Small-EC"},
        "studies.shop.models.Small.template: is not that of Small-EC, whose adapters it uses",
    ),
    "a seed of which there is no adapter": (
        ".models.Small",
        {"base": "Small", "template": "chatml", "adapter_of": "Small-EC", "seeds": [0, 7]},
        "studies.shop.models.Small.seeds: Small-EC has no adapter of seed 7",
    ),
}


@pytest.mark.parametrize(("path", "value", "line"), PROBLEMS.values(), ids=PROBLEMS)
def test_one_line_tells_of(path: str, value: Any, line: str) -> None:
    assert problems(changed(path, value)) == (line,)


def test_a_tuned_model_is_shown_no_example() -> None:
    assert problems(changed(".models.Small-EC.shots", 1)) == (
        "studies.shop.models.Small-EC.shots: training records have no examples: a tuned model has "
        "`shots: 0`",
        "studies.shop.models.Small-EC.shots: 1 needs the 1-shot settings among the study's "
        "`settings`",
    )


def test_adapters_are_those_of_a_tuned_model_or_its_own() -> None:
    assert problems(changed(".models.Small-EC.adapter_of", "Small")) == (
        "studies.shop.models.Small-EC.adapter_of: has `training`, thus adapters of its own: leave "
        "one of them out",
        "studies.shop.models.Small-EC.adapter_of: Small is not tuned: it has no adapters",
    )


def test_answers_can_be_limited_only_where_a_task_has_such_answers() -> None:
    raw = changed(".tasks", ["AG"])
    raw["studies"]["shop"]["models"]["Small"]["answers"] = "constrained"
    types = "yes_no or choice or ranking or extraction"
    assert (
        f"studies.shop.models.Small.answers: no task of the study has {types} as its `answer`, as "
        "constrained needs"
    ) in problems(raw)


def test_all_models_inherit_precision_key_by_key() -> None:
    raw = changed(".models.Small.precision", {"quantization": "none"})
    models = study_of(raw).models
    own, inherited = models["Small"].precision, models["Small-EC"].precision
    assert (own.quantization, own.dtype) == ("none", "float32")
    assert (inherited.quantization, inherited.dtype) == ("nf4", "float32")


def test_seeds_replace_those_of_models_with_adapters_in_the_study_to_run() -> None:
    raw = changed("seeds", [4, 2])
    raw["studies"]["other"] = changed("study", "other")["studies"]["shop"]
    config = loaded(raw)
    assert {name: model.seeds for name, model in config.current.models.items()} == {
        "Small": (0,),
        "Small-EC": (2, 4),
    }
    assert config.studies["other"].models["Small-EC"].seeds == (0,)
    assert problems(changed("seeds", [1, 1])) == ("seeds: a seed is listed twice",)


SCORED = {"base": "Small", "template": "chatml", "answers": "likelihood"}


def test_likelihood_needs_to_know_what_right_answers_are() -> None:
    raw = changed(".models.Small-likelihood", SCORED)
    raw["tasks"]["PM"] |= {"answer": "choice", "metric": "accuracy"}
    line = "tasks.PM.option: missing: letter or text, as right answers are; models with "
    assert problems(raw) == (f"{line}`answers: likelihood` need it",)
    raw["tasks"]["PM"]["option"] = "letter"
    model = study_of(raw).models["Small-likelihood"]
    settings = model.prediction(DecodingSettings(), 100, ["IND"], loaded(raw).tasks["PM"])
    assert settings.answers.option == "letter"
