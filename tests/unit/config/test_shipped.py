"""The configuration that the project comes with."""

from support.configs import SHIPPED, study_of


def test_the_shipped_studies_are_valid_and_complete() -> None:
    demo, paper = (study_of({**SHIPPED, "study": name}) for name in ("demo", "paper"))
    assert demo.tasks == paper.tasks == tuple(SHIPPED["tasks"])
    tuned = {name: model for name, model in paper.models.items() if model.tuned}
    assert len([name for name in tuned if name.endswith("-EC")]) == 6
    assert all(len(model.seeds) == 3 for model in tuned.values())
    assert {model.training.rank for model in tuned.values() if model.training} == {16}
    assert paper.task_decoding["AVE"].max_length == paper.decoding.max_length == 4000


def test_the_papers_ablations_differ_in_one_thing_each() -> None:
    models = study_of({**SHIPPED, "study": "paper"}).models
    limited = {"answers", "training", "adapter_of"}
    for size in ("SmolLM2-360M", "SmolLM2-1.7B"):
        for name, other, differing in (
            ("-1shot", "", {"shots"}),
            ("-constrained", "", {"answers"}),
            ("-likelihood", "", {"answers"}),
            ("-EC-released", "-EC", {"precision"}),
            ("-EC-constrained", "-EC", limited),
            ("-EC-likelihood", "-EC", limited),
            ("-EC-likelihood-bytes", "-EC-likelihood", {"normalization"}),
        ):
            # Decoding also says what it does when memory is short.
            one, two = (
                models[f"{size}{end}"].model_dump(exclude={"group", "decoding"})
                for end in (name, other)
            )
            assert {key for key in one if one[key] != two[key]} == differing, name
    whole = models["SmolLM2-1.7B-EC"].training
    assert whole is not None
    for name, fraction in (("1pct", 0.01), ("10pct", 0.1)):
        part = models[f"SmolLM2-1.7B-EC-{name}"].training
        assert part == whole.model_copy(update={"train_fraction": fraction})
