"""Problems as data, and the line that each is shown as."""

from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from ecslm.common.cli import exit_with
from ecslm.common.errors import InputError, Problem, field_problems


class Pair(BaseModel):
    numbers: list[int]
    name: str


@pytest.mark.parametrize(
    ("problem", "line"),
    [
        (Problem("wrong"), "wrong"),
        (Problem("wrong", Path("a/b.jsonl")), "a/b.jsonl: wrong"),
        (Problem("wrong", "--settings", field="seed"), "--settings: seed: wrong"),
        (Problem("wrong", Path("b.jsonl"), 3, "x.0"), "b.jsonl: line 3: x.0: wrong"),
        (Problem("wrong", line=3, kind="odd"), "line 3: wrong"),
    ],
)
def test_a_problem_is_one_line_of_what_is_known(problem: Problem, line: str) -> None:
    assert str(problem) == line


def test_an_error_keeps_its_problems_as_data_and_as_lines() -> None:
    error = InputError(Problem("wrong", "a.json", field="x"), "also wrong")
    assert error.problems == ("a.json: x: wrong", "also wrong")
    assert error.details == (Problem("wrong", "a.json", field="x"), Problem("also wrong"))
    assert str(error) == "a.json: x: wrong\nalso wrong"


def test_a_schemas_problems_name_place_and_kind() -> None:
    with pytest.raises(ValidationError) as caught:
        Pair.model_validate({"numbers": [1, "b"]})
    path = Path("pair.json")
    assert field_problems(caught.value, path, 7) == [
        Problem(
            "should be a whole number, not 'b'",
            path,
            7,
            "numbers.1",
            "int_parsing",
        ),
        Problem("missing", path, 7, "name", "missing"),
    ]


def test_a_process_ends_with_a_line_for_each_problem(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        exit_with(InputError(Problem("wrong", "a.json"), "also wrong"))
    assert caught.value.code == 1
    assert capsys.readouterr().err == "error: a.json: wrong\nerror: also wrong\n"
