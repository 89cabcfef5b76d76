"""Problems as data, and the line that each is shown as."""

from pathlib import Path

import pytest

from ecslm.common.errors import Problem


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
