"""What a study says of all models and tasks, and one of them of itself."""

from support.configs import changed, loaded, problems, put, study_of

from ecslm.config.models import TransformersModel


def test_a_models_own_decoding_replaces_single_keys_in_every_task() -> None:
    raw = changed(".models.Small.decoding", {"sample": True, "max_new_tokens": 30})
    study = study_of(raw)
    small_model, tuned = study.models["Small"], study.models["Small-EC"]
    assert isinstance(small_model, TransformersModel) and isinstance(tuned, TransformersModel)
    for shared in (study.decoding, study.task_decoding["AG"]):
        found = small_model.decoded(shared)
        assert (found.sample, found.max_new_tokens, found.max_length) == (True, 30, 500)
        assert tuned.decoded(shared) == shared
    assert [study.task_decoding["AG"].max_new_tokens, study.decoding.max_new_tokens] == [90, 20]


def test_an_untuned_model_has_seeds_if_it_samples() -> None:
    for path in (".decoding", ".task_decoding.AG", ".models.Small.decoding"):
        raw = changed(".models.Small.seeds", [0, 1])
        put(raw, path, {"sample": True})
        assert study_of(raw).models["Small"].seeds == (0, 1)


def test_models_inherit_training_and_precision_key_by_key() -> None:
    raw = changed(".models.Small-EC.training", {"epochs": 5})
    put(raw, ".models.Small.precision", {"quantization": "none"})
    models = study_of(raw).models
    tuned, base = models["Small-EC"], models["Small"]
    assert isinstance(base, TransformersModel) and isinstance(tuned, TransformersModel)
    assert tuned.training is not None
    assert (tuned.training.epochs, tuned.training.rank, tuned.training.alpha) == (5, 8, 16)
    assert base.training is None, "a base as it is stays untuned"
    assert (base.precision.quantization, base.precision.dtype) == ("none", "float32")
    assert (tuned.precision.quantization, tuned.precision.dtype) == ("nf4", "float32")
    # An empty section is the study's own.
    for own in ({}, None):
        study = study_of(changed(".models.Small-EC.training", own))
        assert study.models["Small-EC"].training == study.training


def test_seeds_replace_those_of_models_with_adapters_in_the_study_to_run() -> None:
    raw = changed("seeds", [4, 2])
    raw["studies"]["other"] = changed("study", "other")["studies"]["shop"]
    config = loaded(raw)
    assert {name: model.seeds for name, model in config.current.models.items()} == {
        "Small": (0,),
        "Small-EC": (2, 4),
    }
    assert config.studies["other"].models["Small-EC"].seeds == (0,)
    assert "seeds: `1` is listed twice" in problems(changed("seeds", [1, 1]))
