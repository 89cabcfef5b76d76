"""What is wrong with files that a study names is told before anything runs, each with its key."""

from pathlib import Path
from typing import Any

import pytest
from support.plans import IND, MODELS, plan
from support.project import RESOURCES

from ecslm.common.errors import InputError
from ecslm.common.files import write_json
from ecslm.plan.checks import check_named_files
from ecslm.plan.study import Study


@pytest.fixture(autouse=True)
def project(empty_folder: Path) -> None:
    """A project with templates of its own."""
    (empty_folder / "resources/prompts").mkdir(parents=True)
    for path in RESOURCES.iterdir():
        if path.name != "prompts":
            Path("resources", path.name).symlink_to(path)
    for path in (RESOURCES / "prompts").iterdir():
        Path("resources/prompts", path.name).write_bytes(path.read_bytes())
    Path("study.csv").write_text("table,model,doubled,PM\nT,A,,0.5\n")


def study(**settings: Any) -> Study:
    """A study that fits its files unless `settings` say otherwise."""
    return plan(**({"published_numbers": "."} | settings))


def problems(checked: Study) -> tuple[str, ...]:
    with pytest.raises(InputError) as caught:
        check_named_files(checked)
    return caught.value.problems


def test_what_fits_passes_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    check_named_files(study())
    assert caplog.messages == []


SCORES = "table,model,doubled,{0},SA\nT,A,{0},1.4,\nT,B,,{1},1\n"
TEMPLATE = "resources/prompts/chatml.jinja"


def test_scores_and_templates_are_tried_before_anything_runs() -> None:
    no_score = "line 3: PM: {} is no score: write a number"
    cases = [
        (TEMPLATE, "{{ instruction }}", "does not show the input of a record: write {{ input }}"),
        (TEMPLATE, "{{ input.__class__.__mro__ }}", "is unsafe"),
        (TEMPLATE, "{{ input }}{{ options.first }}", "has no attribute 'first'"),
        ("study.csv", SCORES.format("PMX", "1"), "line 1: PMX: the column is of no task: did you"),
        ("study.csv", SCORES.format("PM", '"0,9"'), no_score.format("0,9")),
        *(
            ("study.csv", SCORES.format("PM", value), no_score.format(value))
            for value in ("91.2", "nan", "-0.1")
        ),
    ]
    template = Path(TEMPLATE).read_text()
    for file, text, told in cases:
        Path(TEMPLATE).write_text(template)
        Path(file).write_text(text)
        (line,) = problems(study())
        assert line.startswith(f"{file}: ")
        assert told in line


def test_missing_answers_are_told_with_what_to_do() -> None:
    other = {"backend": "recorded", "path": "answers"}
    made = study(models=MODELS | {"Other": other}, tasks=["SA"])
    write_json(Path(f"answers/SA/{IND}.json"), [])
    (line,) = problems(made)
    assert line.startswith("studies.shop.models.Other.path: there is no answers/SA/OOD_Diverse")


def test_a_template_is_tried_with_and_without_an_example_in_whatever_order() -> None:
    Path(TEMPLATE).write_text("{{ input }}{% if example %}{{ example.first }}{% endif %}")
    one_shot = {"Shot": MODELS["Small"] | {"shots": 1}}
    for models in (one_shot | MODELS, MODELS | one_shot):
        (line,) = problems(study(models=models, settings=[IND, f"{IND}_1-shot"]))
        assert "has no attribute 'first'" in line
