from pathlib import Path
from typing import Any

from support.table_files import IND, TASKS, scores, write_metrics, write_simple

from ecslm.reports.run_summary import SummarySettings, summary


def settings(**changes: Any) -> SummarySettings:
    return SummarySettings.model_validate(
        {
            "study": "demo",
            "settings": [IND],
            "pairs": [{"untuned": "Small", "tuned": "Small-EC"}],
            "context": {
                "tasks": {"PM": TASKS["PM"]},
                "models": {
                    "Small": {"seeds": [0], "tasks": ["PM"]},
                    "Small-EC": {"seeds": [42], "tasks": ["PM"]},
                },
                "simple": {"PM": ["always-yes", "Words"]},
                "setting_titles": {IND: "own records"},
            },
            **changes,
        }
    )


def test_untuned_tuned_and_best_simple_stand_side_by_side(tmp_path: Path) -> None:
    write_metrics(tmp_path, "Small", "PM", {IND: scores(0.1, n_invalid=150)})
    write_metrics(tmp_path, "Small-EC", "PM", {IND: scores(0.7)}, seed=42)
    write_metrics(tmp_path, "always-yes", "PM", {IND: scores(0.61)})
    write_metrics(tmp_path, "Words", "PM", {IND: scores(0.65)})
    write_simple(tmp_path, "PM", "always-yes")
    (tmp_path / "report.html").touch()
    lines = summary(settings(), tmp_path).splitlines()
    assert lines[3].split() == ["Task", "Metric", "Untuned", "Tuned", "Best", "simple"]
    assert lines[4] == "PM    F1      0.100 (75 %)  0.700 (5 %)  0.610 always-yes"
    assert f"Report: {tmp_path / 'report.html'}" in lines
    assert not any(line.startswith("WARNING") for line in lines)


def test_where_a_simple_baseline_is_as_good_as_the_tuned_model_the_summary_warns(
    tmp_path: Path,
) -> None:
    write_metrics(tmp_path, "Small-EC", "PM", {IND: scores(0.7)}, seed=42)
    write_metrics(tmp_path, "Words", "PM", {IND: scores(0.6996)})
    write_simple(tmp_path, "PM", "Words")
    assert summary(settings(), tmp_path).splitlines()[6:8] == [
        "WARNING: Own records, in 1 of 1 task a simple baseline is as good as Small-EC or",
        "better, and costs less to use: PM (Words 0.700, against 0.700).",
    ]


def test_constants_are_named(tmp_path: Path) -> None:
    always = {"answers": {"distinct": 1, "most_frequent": "no", "count": 200}}
    write_metrics(tmp_path, "Small", "PM", {IND: scores(0.1)})
    write_metrics(tmp_path, "Small-EC", "PM", {IND: scores(0.7, **always)}, seed=42)
    lines = summary(settings(), tmp_path).splitlines()
    assert "Small-EC (own records): PM: always 'no'" in lines
    assert not any(line.startswith("Small (own records):") for line in lines)


def test_few_invalid_answers_are_not_none_and_nearly_all_not_all(tmp_path: Path) -> None:
    write_metrics(tmp_path, "Small", "PM", {IND: scores(0.1, n=1000, n_invalid=999)})
    write_metrics(tmp_path, "Small-EC", "PM", {IND: scores(0.7, n=1000, n_invalid=1)}, seed=42)
    assert "0.100 (>99 %)  0.700 (<1 %)" in summary(settings(), tmp_path)


def test_a_model_that_does_not_run_here_is_neither_tuned_nor_untuned(tmp_path: Path) -> None:
    write_metrics(tmp_path, "Small", "PM", {IND: scores(0.1)})
    lines = summary(settings(pairs=[{"elsewhere": "Small"}]), tmp_path).splitlines()
    assert lines[2:5] == [
        "Small (own records)",
        "Task  Metric  Score        Best simple",
        "PM    F1      0.100 (5 %)  --",
    ]


def test_results_that_do_not_exist_are_not_promised(tmp_path: Path) -> None:
    assert summary(settings(), tmp_path).splitlines() == [f"All: {tmp_path}"]
