from pathlib import Path
from typing import Any

from support.table_files import IND, TASKS, scores, write_metrics, write_simple

from ecslm.reports.run_summary import WARNING, summary
from ecslm.tables.settings import TableContext

MODELS = {
    "Small": {"tasks": ["PM"], "local": True, "family": "Small"},
    "Small-limited": {"tasks": ["PM"], "local": True, "family": "Small", "limits": "x"},
    "Words": {"tasks": ["PM"], "learned": True, "local": True},
    "Small-EC": {
        **{"seeds": [42], "tasks": ["PM"], "local": True, "family": "Small"},
        **{"adapter_of": "Small-EC", "trained": [42]},
    },
}


def lines_of(results: Path, models: Any = MODELS) -> list[str]:
    simple = {"PM": ["always-yes", "Words"]}
    context = {"tasks": {"PM": TASKS["PM"]}, "models": models, "simple": simple}
    context["setting_titles"] = {IND: "own records"}
    return summary("demo", IND, TableContext.model_validate(context), results).splitlines()


def test_a_tuned_model_stands_beside_its_base_and_the_best_simple_baseline(tmp_path: Path) -> None:
    write_metrics(tmp_path, "Small", "PM", {IND: scores(0.1)})
    write_metrics(tmp_path, "Small-limited", "PM", {IND: scores(0.2)})
    write_metrics(tmp_path, "Small-EC", "PM", {IND: scores(0.7, n=1000, n_invalid=1)}, seed=42)
    write_metrics(tmp_path, "Words", "PM", {IND: scores(0.61)})
    write_simple(tmp_path, "PM", "Words")
    (tmp_path / "report.html").touch()
    lines = lines_of(tmp_path)
    assert lines[0] == "Study demo: strict scores, own records"
    assert lines[2:5] == [
        "Small-EC",
        "Task  Metric  Score  95 % interval  Invalid  Untuned  Best simple",
        "PM    F1      0.700    0.670-0.730     <1 %    0.100  0.610 Words",
    ]
    assert f"Report: {tmp_path / 'report.html'}" in lines
    assert WARNING not in lines
    assert max(map(len, lines[:5])) <= 80


def test_where_a_simple_baseline_is_as_good_and_where_answers_are_constant_the_row_says_so(
    tmp_path: Path,
) -> None:
    """As the scores are shown: 0.6996 is 0.700."""
    always = {"answers": {"distinct": 1, "most_frequent": "no", "count": 200}}
    write_metrics(tmp_path, "Small-EC", "PM", {IND: scores(0.7, **always)}, seed=42)
    write_metrics(tmp_path, "Words", "PM", {IND: scores(0.6996)})
    write_simple(tmp_path, "PM", "Words")
    lines = lines_of(tmp_path)
    assert lines[4].endswith("0.700 Words (!); always 'no'")
    assert WARNING in lines


def test_a_score_below_zero_is_compared_as_a_number(tmp_path: Path) -> None:
    write_metrics(tmp_path, "Small-EC", "PM", {IND: scores(-0.1)}, seed=42)
    write_metrics(tmp_path, "Words", "PM", {IND: scores(-0.2)})
    write_simple(tmp_path, "PM", "Words")
    assert WARNING not in lines_of(tmp_path)


def test_a_model_that_does_not_run_here_stands_by_itself(tmp_path: Path) -> None:
    write_metrics(tmp_path, "Other", "PM", {IND: scores(0.1)})
    lines = lines_of(tmp_path, {"Other": {"tasks": ["PM"]}})
    assert lines[2] == "Other"
    assert lines[4].split() == ["PM", "F1", "0.100", "0.070-0.130", "5", "%", "--", "--"]


def test_results_that_do_not_exist_are_not_promised(tmp_path: Path) -> None:
    assert lines_of(tmp_path) == [f"All: {tmp_path}"]
