"""What a model is said to be good for, and what it costs."""

from dataclasses import replace
from math import nan
from pathlib import Path
from typing import Any

import pytest
from support.report_files import CLAIMS, claims_table, report_settings
from support.table_files import IND, TASKS, scores, write_metrics

from ecslm.reports.verdict import Mark, Verdict, in_words, money, read_prices, read_verdicts
from ecslm.tables.model import Cell, RowGroup, Table


def verdict_of(results: Path, *tables: Table, **changes: Any) -> Verdict:
    (found,) = read_verdicts(results, report_settings(**CLAIMS, **changes), tables)
    return found


@pytest.mark.parametrize(
    ("simple", "difference", "marks", "word", "reason"),
    [
        (0.5, 0.3, "significant", "better than simple", "TF-IDF 0.500"),
        (0.9, -0.1, "significant", "worse", "TF-IDF 0.900"),
        (0.5, 0.3, "", "no better", "TF-IDF 0.500; ahead, perhaps by chance"),
        (0.9, -0.1, "", "no better", "TF-IDF 0.900; behind, perhaps by chance"),
        (0.8, 0.0, "", "no better", "TF-IDF 0.800"),
        (0.5, 0.3, "few", "no better", "TF-IDF 0.500; too few records to be sure"),
        (0.5, 0.3, "undecided", "no better", "TF-IDF 0.500; p is too near to the level"),
    ],
)
def test_the_word_is_that_of_the_test_in_the_table_of_claims_and_has_its_reason(
    simple: float, difference: float, marks: str, word: str, reason: str, results: Path
) -> None:
    found = verdict_of(results, claims_table(Cell(difference, "d", marks=tuple(marks.split()))))
    mark = Mark("simple", "TF-IDF", simple)
    (task,) = (replace(one, score=Cell(0.8), marks=(mark,)) for one in found.tasks)
    assert (task.word, task.reason) == (word, reason)


def test_tasks_in_which_it_is_better_come_first_and_those_not_compared_last(results: Path) -> None:
    (panel,) = claims_table(Cell()).panels
    (row,) = panel.rows
    marks = ("significant",)
    found = (Cell(), Cell(-0.1, marks=marks), Cell(0.1), Cell(0.1, marks=marks))
    rows = [replace(row, name=str(n), cells=(*row.cells[:-1], one)) for n, one in enumerate(found)]
    cost = results / "predictions/Small-EC/seed-42/PM.cost.json"
    for one in rows:
        cost.with_name(f"{one.name}.cost.json").write_text(cost.read_text())
    panels = (replace(panel, groups=(RowGroup("", tuple(rows)),)),)
    tasks = {str(n): TASKS["PM"] for n in range(4)}
    table = replace(claims_table(Cell()), panels=panels)
    verdict = verdict_of(results, table, context={"tasks": tasks})
    assert [one.outcome for one in verdict.tasks] == [1, 0, -1, None]
    assert verdict.sentences == [
        "Small-EC is good for 1 of 3 tasks: Product Matching. There it is better than the best "
        "simple baseline.",
        "For the others take a simple baseline: it costs less to use, and the model is not shown "
        "to be better.",
        "In Product Matching the model is worse.",
        "In Product Matching it is compared with no simple baseline.",
    ]
    tasks_of = {one.outcome: one for one in verdict.tasks}
    nowhere = "is in none of 2 tasks better than the best simple baseline."
    for outcomes, first, *rest in (
        ((1, 1), "is good for 2 of 2 tasks: Product Matching and Product Matching. There it"),
        ((0, 0), nowhere, "Take a simple baseline: it costs less to use, and the model is"),
        ((-1, -1), nowhere, "Take a simple baseline: it costs less to use.", "In Product"),
        ((0,), "is not shown to be better than", "Take a simple baseline: it costs less to use."),
        ((1, None), "is good for Product Matching. There", "In Product Matching it is compared"),
        ((None, None), "is compared with no simple baseline."),
    ):
        sentences = replace(verdict, tasks=tuple(map(tasks_of.get, outcomes))).sentences
        for said, expected in zip(sentences, (f"Small-EC {first}", *rest), strict=True):
            assert said.startswith(expected)


@pytest.mark.parametrize(
    ("simple", "word"),
    [(0.66, "better than simple"), (0.71, "no better"), (0.74, "worse"), (None, "not compared")],
)
def test_without_a_test_the_interval_decides_and_without_a_table_of_claims_the_scores(
    simple: float | None, word: str, results: Path
) -> None:
    context: dict[str, Any] = {"simple": {}} if simple is None else {}
    write_metrics(results, "always-yes", "PM", {IND: scores(simple or 0.0)})
    found = verdict_of(results, context=context)
    assert (found.setting, found.tasks[0].score.value, found.tasks[0].word) == (IND, 0.7, word)
    assert ("compared with no simple baseline" in found.sentences[0]) == (simple is None)
    where = {"better than simple": "above", "no better": "contains", "worse": "below"}.get(word)
    cells = {"interval of simple": Cell(where, f"{where}*")} if where else {}
    assert verdict_of(results, claims_table(Cell(), **cells)).tasks[0].word == word


def test_a_study_without_a_model_has_no_verdict_and_no_costs(results: Path) -> None:
    settings = report_settings(answering=None)
    assert read_verdicts(results, settings, []) == []
    assert list(read_prices(results, settings)) == []


@pytest.mark.parametrize(
    ("details", "words"),
    [
        (
            {"confusion": {"yes": {"yes": 20, "no": 0, "invalid": 1}, "no": {"yes": 1, "no": 43}}},
            "finds 20 of 21 yes, 1 false alarm in 44 no",
        ),
        ({"confusion": {"A": {"A": 3, "B": 1}, "B": {"C": 2}}}, "3 of 6 right"),
        ({"counts": {"hits": 1, "misses": 2}}, "1 of 3 right"),
        ({"counts": {"nv": 1}}, ""),
    ],
)
def test_answers_are_told_in_the_words_of_the_data(details: Any, words: str) -> None:
    assert in_words(details) == words


def test_costs_are_times_where_no_price_is_known(results: Path) -> None:
    def costs(**changes: Any) -> dict[str, str]:
        return {one.of: one.amount for one in read_prices(results, report_settings(**changes))}

    training = {"Training, once": "10 min 0 s"}
    assert costs() == {**training, "1,000 requests": "USD 0.010", "One answer": "0.38 s"}
    unpriced: dict[str, Any] = {"hourly": None, "currency": None, "timed": False}
    assert costs(**unpriced) == {**training, "1,000 requests": "1 min 40 s"}
    assert verdict_of(results, hourly=None).tasks[0].price == "1 min 40 s"
    elsewhere = {"Small-EC": {"seeds": [42], "tasks": ["PM"]}}
    assert costs(timed=False, context={"models": elsewhere}) == {}, "reading answers costs nothing"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        *((0.0, "USD 0.00"), (0.00673, "USD 0.0067"), (0.0201, "USD 0.020"), (0.5, "USD 0.50")),
        *((1234.5, "USD 1,234.50"), (0.0000196, "USD 0.000020"), (nan, "")),
    ],
)
def test_a_price_is_written_as_people_do(value: float, shown: str) -> None:
    assert money(value, "USD") == shown
