"""The configuration that the project comes with."""

from typing import Any

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

    def described(name: str) -> dict[str, Any]:
        # Of its decoding what it sets itself, but not what it does when memory is short.
        own = models[name].model_dump(exclude={"decoding": {"oom"}}, exclude_unset=True)
        rest = models[name].model_dump(exclude={"group"})
        return rest | {"decoding": own.get("decoding") or None}

    def changes(name: str, other: str) -> dict[str, Any]:
        one, two = described(name), described(other)
        return {key: value for key, value in one.items() if value != two[key]}

    whole = models["SmolLM2-1.7B-EC"].training
    assert whole is not None
    for name, fraction in (("1pct", 0.01), ("10pct", 0.1)):
        found = changes(f"SmolLM2-1.7B-EC-{name}", "SmolLM2-1.7B-EC")
        assert found == {"training": whole.model_dump() | {"train_fraction": fraction}}
    for size in ("SmolLM2-360M", "SmolLM2-1.7B"):
        released = changes(f"{size}-EC-released", f"{size}-EC")
        assert released.keys() == {"precision", "decoding"}
        assert changes(f"{size}-1shot", size) == {"shots": 1}
        for mode in ("constrained", "likelihood"):
            assert changes(f"{size}-{mode}", size) == {"answers": mode}
            of_tuned = {"answers": mode, "training": None, "adapter_of": f"{size}-EC"}
            assert changes(f"{size}-EC-{mode}", f"{size}-EC") == of_tuned
        by_bytes = changes(f"{size}-EC-likelihood-bytes", f"{size}-EC-likelihood")
        assert by_bytes == {"normalization": "bytes"}
