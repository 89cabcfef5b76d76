"""What differences.py and compare.py print."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.scripts import run_script
from support.table_files import comparison_row

from ecslm.common.files import read_json, write_json
from ecslm.comparisons.results import Comparison, Difference
from ecslm.reports.summaries import difference_summary as summary

OF_FAMILY = {"family", "p_holm", "p_holm_interval"}


def row(**changes: Any) -> Comparison:
    return Comparison.model_validate(comparison_row(n=1200, n_b=1200, setting="IND", **changes))


def test_a_difference_is_a_line_with_both_scores_interval_and_p_and_an_adjusted_one() -> None:
    title, head, line = summary({"PM": [row()], "AG": []}).splitlines()[:3]
    assert title == "PM"
    names = ["Contrast", "A", "B", "In", "Records", "Score A", "Score B", "Difference", "p (Holm)"]
    assert [name for name in names if name in head] == names
    assert line.split() == [
        *("tuning", "Small-EC", "Small", "IND", "1,200", "0.600", "0.500", "0.100"),
        *("0.050", "to", "0.150", "below", "0.001", "0.012"),
    ]
    assert "AG: no difference to test" in summary({"AG": []})
    single = Difference.model_validate(row().model_dump(exclude=OF_FAMILY))
    assert "Holm" not in summary({"PM": [single]})


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"reliable": False}, "0.050 to 0.150 (not reliable)"),
        ({"test": "bootstrap", "reliable": False, "p": 0.2}, "0.200 (not valid)"),
        ({"p": 0.0496}, "below 0.050"),
        ({"paired": False, "n_b": 900}, "1,200 / 900"),
        ({"difference": None, "ci95": None, "p": None}, "--"),
        ({"difference": -0.0001}, " 0.000 "),
    ],
)
def test_what_limits_a_difference_is_in_its_line_and_marks_are_explained(
    changes: dict[str, Any], shown: str
) -> None:
    made = Comparison.model_validate(row().model_dump() | changes)
    text = summary({"PM": [made]})
    assert shown in text.splitlines()[2]
    assert ("(not reliable):  the interval may" in text) == (not made.reliable)


def test_the_scripts_print_what_they_write(tmp_path: Path) -> None:
    write_json(tmp_path / "d/PM.json", [row().model_dump(exclude=OF_FAMILY)])
    options = ["--differences", "d/PM.json", "--output", "c"]
    told = run_script("compare.py", *options, folder=tmp_path)
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith("PM\nContrast")
    printed = run_script("compare.py", *options, "--json", folder=tmp_path)
    assert json.loads(printed.stdout) == {"PM.json": read_json(tmp_path / "c/PM.json")}
