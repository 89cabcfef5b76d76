"""What is wrong with files that a study names is told before anything runs."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from support.plans import IND, LOCAL, MODELS, plan
from support.project import ROOT

from ecslm.common.errors import InputError
from ecslm.common.files import write_json
from ecslm.plan.plan import Plan, check_files


def problems(made: Plan) -> tuple[str, ...]:
    with pytest.raises(InputError) as caught:
        check_files(made.study)
    return caught.value.problems


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the project's prompts."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "resources/prompts", "resources/prompts")
    return tmp_path


@pytest.mark.parametrize("value", ["91.2", '"0,912"', "nan", "-0.1", "high"])
def test_a_published_value_that_is_no_score_is_told_with_its_line(value: str, folder: Path) -> None:
    (folder / "study.csv").write_text(f"table,model,doubled,PM,SA\nT,A,,0.5,\nT,B,,{value},1\n")
    (line,) = problems(plan(published_numbers="."))
    begin = f"study.csv: line 3: PM: {value.strip(chr(34))} is no score: write a number from 0 to 1"
    assert line.startswith(begin)


def test_a_published_column_of_no_task_is_told_and_not_left_out(folder: Path) -> None:
    (folder / "study.csv").write_text("table,model,doubled,PMX\nT,A,,0.5\nT,B,,0.5\n")
    assert problems(plan(published_numbers=".")) == (
        "study.csv: line 1: PMX: the column is of no task: did you mean `PM`?",
    )


def test_twice_a_recall_may_be_more_than_one(folder: Path) -> None:
    (folder / "study.csv").write_text("table,model,doubled,PM\nT,A,PM,1.4\n")
    check_files(plan(published_numbers=".").study)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{{ instruction }}", "does not show the input of a record: write {{ input }} where"),
        ("{{ input.__class__.__mro__ }}", "prints texts, and runs no code"),
        ("{{ input }}{{ options.first }}", "has no attribute 'first'"),
    ],
)
def test_a_template_is_tried_before_anything_runs(text: str, words: str, folder: Path) -> None:
    (folder / "resources/prompts/chatml.jinja").write_text(text)
    (line,) = problems(plan())
    assert line.startswith("resources/prompts/chatml.jinja: ")
    assert words in line


def test_templates_of_the_project_are_good_with_and_without_an_example(folder: Path) -> None:
    for path in (folder / "resources/prompts").glob("*.jinja"):
        for shots in (0, 1):
            model: dict[str, Any] = {"base": "Small", "template": path.stem, "shots": shots}
            settings = ["IND_Diverse_Instruction", "IND_Diverse_Instruction_1-shot"]
            check_files(plan(models={"Small": model}, settings=settings).study)


def test_missing_answers_are_told_with_what_to_do(folder: Path) -> None:
    other = {"backend": "recorded", "path": "answers"}
    made = plan(models=MODELS | {"Other": other}, tasks=["PM", "SA"])
    assert problems(made) == ("studies.shop.models.Other.path: answers: no such directory",)
    write_json(folder / "answers/PM" / f"{IND}.json", [])
    assert problems(made) == (
        f"studies.shop.models.Other.path: there is no answers/SA/{IND}.json, nor 1 more of 3: put "
        "it there, or name what the model has in `settings` and `tasks`",
    )


def finished(data: dict[str, Any], source: str) -> Plan:
    """A study whose report was made from some records."""
    made = plan(data=data, tasks=["PM"])
    for path in made.source._derived_files():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).touch()
    empty = {"inputs": {}, "code": None, "versions": {}, "files": {}}
    manifest = {**empty, "settings": {"data_source": source}}
    write_json(Path("results/shop/report.manifest.json"), manifest)
    return made


@pytest.mark.usefixtures("folder")
def test_records_of_another_name_that_are_not_there_are_refused_although_all_is_finished() -> None:
    data = {"source": "path", "path": "recrods.jsonl"}
    with pytest.raises(InputError) as caught:
        finished(data, "records.jsonl").source.check()
    assert str(caught.value) == (
        "studies.shop.data: recrods.jsonl: no such file, and the results are of records.jsonl: "
        "name that, or put the file there"
    )
    finished(data, "recrods.jsonl").source.check()
    finished(LOCAL, "records.jsonl").source.check()
