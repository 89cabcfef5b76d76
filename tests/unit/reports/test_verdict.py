"""What a model is said to be good for, and what it costs."""

from dataclasses import replace
from math import nan
from pathlib import Path
from typing import Any

import pytest
from support.report_files import CLAIMS, claims_table, report_settings
from support.table_files import IND, TASKS, scores, write_metrics, write_simple, write_tidy

from ecslm.common.files import write_json
from ecslm.common.tidy_rows import read_tidy
from ecslm.reports.verdict import Verdict, in_words, money, prices_of, verdicts_of
from ecslm.tables.model import Cell, Table
from ecslm.tables.scores import Scores
from ecslm.tidy.study import StudyContext


def verdict_of(results: Path, *tables: Table, **changes: Any) -> Verdict:
    settings = report_settings(**CLAIMS, **changes)
    write_tidy(results, settings.context)
    scores = Scores(read_tidy(results / "scores.parquet"), settings.context)
    (found,) = verdicts_of(scores, read_tidy(results / "costs.parquet"), settings, tables)
    return found


@pytest.mark.parametrize(
    ("difference", "marks", "word", "reason"),
    [
        (0.3, "significant", "better than simple", ""),
        (-0.1, "significant", "worse", ""),
        (0.3, "", "no better", "; the difference may be chance"),
        (0.3, "few", "no better", "; too few records to be sure"),
        (0.3, "undecided", "no better", "; p is too near to the level"),
    ],
)
def test_the_word_is_that_of_the_test_in_the_table_of_claims_and_has_its_reason(
    difference: float, marks: str, word: str, reason: str, results: Path
) -> None:
    beating, other = Cell(difference, "d", marks=tuple(marks.split())), Cell(0.8, "0.800")
    verdict = verdict_of(results, claims_table(beating, general=other))
    (task,) = verdict.tasks
    assert (task.word, task.reason) == (word, f"always-yes 0.610{reason}")
    assert {(one.kind, one.value) for one in task.marks} == {
        *(("simple", 0.61), ("untuned", 0.4), ("general", 0.8))
    }
    assert verdict.kinds == ["untuned", "simple", "general"]


def test_tasks_in_which_it_is_better_come_first_and_those_not_compared_last(results: Path) -> None:
    # By task, the score of its best simple baseline; that of the model is 0.7.
    simple = {"AG": None, "AVE": 0.8, "PM": 0.7, "SA": 0.6}
    cost = results / "predictions/Small-EC/seed-42/PM.cost.json"
    for code, value in simple.items():
        write_metrics(results, "Small-EC", code, {IND: scores(0.7)}, seed=42)
        cost.with_name(f"{code}.cost.json").write_text(cost.read_text())
        if value is not None:
            write_metrics(results, "always-yes", code, {IND: scores(value)})
            write_simple(results, code, "always-yes")
    compared = [code for code, value in simple.items() if value is not None]
    tuned = {"tasks": [*simple], "seeds": [42], "adapter_of": "Small-EC", "local": True}
    context = {
        "tasks": {code: TASKS["PM"] | {"title": code} for code in simple},
        "models": {"Small-EC": tuned},
        "baselines": {"always-yes": compared},
        "simple": {code: ["always-yes"] for code in compared},
    }
    verdict = verdict_of(results, context=context, tasks=[*simple], models=["Small-EC"])
    assert [one.task for one in verdict.tasks] == ["SA", "PM", "AVE", "AG"]
    better = "shown to be better than the best simple baseline"
    take = "simple baseline is not shown to be worse, and costs less to use."
    rule = "In PM it is a trivial rule: neither may be good enough."
    worse = "In AVE the model is worse."
    of = {one.outcome: one for one in verdict.tasks}
    of[-1] = replace(of[-1], simple_price="USD 0.01")
    for outcomes, *said in (
        (
            (1, 0, -1, None),
            f"Small-EC is {better} in 1 of 3 tasks: SA.",
            *(f"In the others a {take}", rule, worse),
            "Small-EC is compared with no simple baseline in AG.",
        ),
        ((1, 1), f"Small-EC is {better} in 2 of 2 tasks: SA and SA."),
        ((0,), f"Small-EC is not {better}.", f"A {take}", rule),
        ((0, -1), f"Small-EC is not {better} in any task.", f"A {take}", rule, worse),
    ):
        assert replace(verdict, tasks=tuple(of[one] for one in outcomes)).sentences == said


@pytest.mark.parametrize(
    ("simple", "word"),
    [(0.66, "better than simple"), (0.71, "no better"), (0.74, "worse"), (None, "not compared")],
)
def test_without_a_test_the_interval_decides(
    simple: float | None, word: str, results: Path
) -> None:
    context: dict[str, Any] = {"simple": {}} if simple is None else {}
    write_metrics(results, "always-yes", "PM", {IND: scores(simple or 0.0)})
    for tables in ((), (claims_table(Cell()),)):
        found = verdict_of(results, *tables, context=context)
        assert (found.setting, found.tasks[0].score.value) == (IND, 0.7)
        assert found.tasks[0].word == word
    assert ("compared with no simple baseline" in found.sentences[-1]) == (simple is None)


def test_equal_scores_differ_by_no_chance(results: Path) -> None:
    write_metrics(results, "always-yes", "PM", {IND: scores(0.7)})
    (task,) = verdict_of(results, claims_table(Cell(0.0, "0.000"))).tasks
    assert (task.word, task.reason) == ("no better", "always-yes 0.700")


def test_answers_are_told_in_the_words_of_the_data() -> None:
    yes_no = {"yes": {"yes": 20, "no": 0, "invalid": 1}, "no": {"yes": 1, "no": 43}}
    classes = {"A": {"A": 3, "B": 1}, "B": {"C": 2}}
    assert in_words({"confusion": yes_no}) == "finds 20 of 21 yes, 1 false alarm in 44 no"
    assert in_words({"confusion": classes}) == "3 of 6 right"
    assert in_words({"counts": {"hits": 1, "misses": 2}}) == "1 of 3 right"
    assert in_words({"counts": {"nv": 1}}) == ""


def test_costs_are_times_where_no_price_is_known(results: Path) -> None:
    def costs(**changes: Any) -> dict[str, str]:
        settings = report_settings(**changes)
        write_tidy(results, settings.context, timed=["Small-EC"])
        rows = read_tidy(results / "costs.parquet")
        return {of: much for of, much, _ in prices_of(rows, settings)}

    training = {"Training, once": "10 min 0 s"}
    a_month = {"The device, a month": "USD 262.80"}
    others = {"1,000 requests": "USD 0.010", "One answer": "0.38 s"}
    assert costs() == training | a_month | others
    unpriced: dict[str, Any] = {"hourly": None, "currency": None, "timed": False}
    assert costs(**unpriced) == {**training, "1,000 requests": "1 min 40 s"}
    assert verdict_of(results, hourly=None).tasks[0].price == "1 min 40 s"
    assert costs(answering=None) == {}
    assert verdicts_of(Scores([], StudyContext()), [], report_settings(answering=None), []) == []
    elsewhere = {"Small-EC": {"seeds": [42], "tasks": ["PM"]}}
    assert costs(timed=False, context={"models": elsewhere}) == {}, "reading answers costs nothing"


def test_the_best_simple_baseline_costs_what_its_answers_took_and_a_rule_nothing(
    results: Path,
) -> None:
    assert verdict_of(results).tasks[0].simple_price == "free"
    write_metrics(results, "Words", "PM", {IND: scores(0.5)})
    write_simple(results, "PM", "Words")
    cost = {"device": "a CPU", "seconds": 0.02, "prompts": 200}
    write_json(results / "predictions/Words/seed-0/PM.cost.json", cost)
    models = report_settings().context.model_dump()["models"]
    models["Words"] = {"tasks": ["PM"], "local": True, "learned": True, "family": "tf-idf"}
    changes: dict[str, Any] = {"context": {"models": models, "simple": {"PM": ["Words"]}}}
    assert verdict_of(results, **changes).tasks[0].simple_price == "USD 0.000010"
    assert verdict_of(results, **changes, hourly=None).tasks[0].simple_price == "under 1 s"


def test_a_price_is_written_as_people_do() -> None:
    values = (0.0, 0.00673, 0.0201, 0.5, 1234.5, 0.0000196, nan)
    shown = ("0.00", "0.0067", "0.020", "0.50", "1,234.50", "0.000020", "")
    assert [money(value, None) for value in values] == [*shown]
    assert money(0.5, "USD") == "USD 0.50"
