from pathlib import Path
from typing import Any

import pytest
from support.table_files import IND, TASKS, scores, write_metrics, write_simple

from ecslm.reports.summaries import WARNING, run_summary
from ecslm.tables.settings import TableContext

SMALL = {"tasks": ["PM"], "local": True, "family": "Small"}
MODELS = {
    "Small": SMALL,
    "Small-limited": SMALL | {"limits": "x"},
    "Words": {"tasks": ["PM"], "learned": True, "local": True},
    "Small-EC": SMALL | {"seeds": [42], "adapter_of": "Small-EC", "trained": [42]},
}


def lines_of(results: Path, models: Any = MODELS) -> list[str]:
    context = {"tasks": {"PM": TASKS["PM"]}, "models": models, "simple": {"PM": ["Words"]}}
    context["setting_titles"] = {IND: "own records"}
    return run_summary("demo", IND, TableContext.model_validate(context), results).splitlines()


def write_scores(results: Path, tuned: float, words: float, **tuned_has: Any) -> None:
    write_metrics(results, "Small-EC", "PM", {IND: scores(tuned, **tuned_has)}, seed=42)
    write_metrics(results, "Words", "PM", {IND: scores(words)})
    write_simple(results, "PM", "Words")


def test_a_tuned_model_stands_beside_its_base_and_the_best_simple_baseline(tmp_path: Path) -> None:
    write_metrics(tmp_path, "Small", "PM", {IND: scores(0.1)})
    write_metrics(tmp_path, "Small-limited", "PM", {IND: scores(0.2)})
    write_scores(tmp_path, 0.7, 0.61, n=1000, n_invalid=1)
    (tmp_path / "report.html").touch()
    assert lines_of(tmp_path) == [
        "Study demo: strict scores, own records",
        "",
        "Small-EC",
        "Task  Metric  Score  95 % interval  Invalid  Untuned  Best simple",
        "PM    F1      0.700    0.670-0.730     <1 %    0.100  0.610 Words",
        "",
        f"Report: {tmp_path / 'report.html'}",
        f"All: {tmp_path}",
    ]


@pytest.mark.parametrize(
    # As the scores are shown: 0.6996 is 0.700.
    ("tuned", "words", "as_good"),
    [(0.7, 0.6996, True), (0.7, 0.8, True), (0.7, 0.69, False), (-0.1, -0.2, False)],
)
def test_where_a_simple_baseline_is_as_good_and_where_answers_are_constant_the_row_says_so(
    tuned: float, words: float, as_good: bool, tmp_path: Path
) -> None:
    always = {"answers": {"distinct": 1, "most_frequent": "no", "count": 200}}
    write_scores(tmp_path, tuned, words, **always)
    lines = lines_of(tmp_path)
    assert lines[4].endswith(f"{words:.3f} Words{' (!)' * as_good}; always 'no'")
    assert (WARNING in lines) == as_good


def test_a_model_that_does_not_run_here_stands_by_itself(tmp_path: Path) -> None:
    assert lines_of(tmp_path) == [f"All: {tmp_path}"], "nothing is promised"
    write_metrics(tmp_path, "Other", "PM", {IND: scores(0.1)})
    lines = lines_of(tmp_path, {"Other": {"tasks": ["PM"]}})
    assert lines[2] == "Other"
    assert lines[4].split() == ["PM", "F1", "0.100", "0.070-0.130", "5", "%", "--", "--"]
