"""The configuration that the project comes with."""

from support.configs import SHIPPED, study_of


def test_the_shipped_studies_are_valid_and_complete() -> None:
    demo, paper = (study_of({**SHIPPED, "study": name}) for name in ("demo", "paper"))
    assert demo.tasks == paper.tasks == tuple(SHIPPED["tasks"])
    tuned = [model for model in paper.models.values() if model.training]
    assert {(len(one.seeds), one.training and one.training.rank) for one in tuned} == {(3, 16)}


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
