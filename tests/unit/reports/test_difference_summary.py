"""What differences.py and compare.py print."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.scripts import run_script

from ecslm.comparisons.results import Comparison, Difference
from ecslm.reports.difference_summary import summary

ROW = Difference(
    contrast="tuning",
    a="EC",
    b="Base",
    setting="IND",
    model=None,
    paired=True,
    n=1200,
    n_b=1200,
    unshared=0,
    seeds=(1, 1),
    value_a=0.75,
    value_b=0.5,
    difference=0.25,
    ci95=(0.1, 0.4),
    reliable=True,
    deciding=300,
    test="mcnemar",
    p=0.0004,
    p_interval=None,
)


def line_of(**changes: Any) -> str:
    """The line of a difference."""
    return summary({"PM": [ROW.model_copy(update=changes)]}).splitlines()[2]


def test_a_difference_is_a_line_with_both_scores_interval_and_p() -> None:
    title, head, line = summary({"PM": [ROW]}).splitlines()[:3]
    assert title == "PM"
    names = ["Contrast", "A", "B", "In", "Records", "Score A", "Score B", "Difference"]
    assert [name for name in names if name in head] == names
    assert line.split() == [
        *("tuning", "EC", "Base", "IND", "1,200", "0.750", "0.500", "0.250"),
        *("0.100", "to", "0.400", "below", "0.001"),
    ]


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"reliable": False}, "0.100 to 0.400 (not reliable)"),
        ({"test": "bootstrap", "reliable": False, "p": 0.2}, "0.200 (not valid)"),
        ({"p": 0.0496}, "below 0.050"),
        ({"paired": False, "n_b": 900}, "1,200 / 900"),
        ({"setting": None, "model": "EC-1shot"}, "EC-1shot"),
        ({"difference": None, "ci95": None, "p": None}, "--"),
        ({"difference": -0.0001}, " 0.000 "),
    ],
)
def test_what_limits_a_difference_is_in_its_line(changes: dict[str, Any], shown: str) -> None:
    assert shown in line_of(**changes)


def test_marks_are_explained_where_they_occur() -> None:
    assert "(not reliable):" not in summary({"PM": [ROW]})
    assert "(not reliable):  the interval may" in summary(
        {"PM": [ROW.model_copy(update={"reliable": False})]}
    )


def test_a_comparison_has_the_adjusted_p_too_and_a_task_without_any_is_named() -> None:
    adjusted = Comparison(**ROW.model_dump(), family=3, p_holm=0.0312, p_holm_interval=None)
    text = summary({"PM": [adjusted], "AG": []})
    assert text.splitlines()[2].endswith("below 0.001  0.031")
    assert "AG: no difference to test" in text


def test_the_scripts_print_what_they_write(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/PM.json").write_text(json.dumps([ROW.model_dump()]), encoding="utf-8")
    options = ["--differences", "d/PM.json", "--output", "c"]
    told = run_script("compare.py", *options, folder=tmp_path)
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith("PM\nContrast")
    printed = run_script("compare.py", *options, "--json", folder=tmp_path)
    written = json.loads((tmp_path / "c/PM.json").read_text(encoding="utf-8"))
    assert json.loads(printed.stdout) == {"PM.json": written}
