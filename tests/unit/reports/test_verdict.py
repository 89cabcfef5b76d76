"""What a model is said to be good for, and what it costs."""

from dataclasses import replace
from math import nan
from pathlib import Path
from typing import Any

import pytest
from support.report_files import CLAIMS, claims_table, report_settings, write_results
from support.report_files import results_table as table_of_results
from support.table_files import IND, TASKS

from ecslm.reports.verdict import Verdict, in_words, money, read_costs, read_verdicts
from ecslm.tables.model import Cell, RowGroup, Simple, Table


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """The results of a small study."""
    return write_results(tmp_path / "demo")


def verdict_of(results: Path, table: Table, **changes: Any) -> Verdict:
    (found,) = read_verdicts(results, report_settings(**CLAIMS, **changes), [table])
    return found


@pytest.mark.parametrize(
    ("difference", "marks", "word", "doubt"),
    [
        (0.09, ["significant"], "better than simple", False),
        (-0.09, ["significant"], "worse", False),
        (0.09, [], "no better", False),
        (0.09, ["few"], "no better", True),
        (0.09, ["undecided"], "no better", True),
    ],
)
def test_the_word_is_that_of_the_test_in_the_table_of_claims(
    difference: float, marks: list[str], word: str, doubt: bool, results: Path
) -> None:
    found = verdict_of(results, claims_table(Cell(difference, "d", marks=tuple(marks))))
    (task,) = found.tasks
    assert (task.word, bool(task.doubt)) == (word, doubt)
    said = "better than the best simple baseline in 1 of 1 task: Product Matching."
    assert (said in found.sentences[0]) == (word == "better than simple")
    assert ("worse in Product Matching" in found.sentences[-1]) == (word == "worse")


def test_tasks_in_which_it_is_better_come_first_and_those_not_compared_last(results: Path) -> None:
    table = claims_table(Cell())
    (panel,) = table.panels
    (row,) = panel.rows
    differences = (
        Cell(),
        Cell(-0.1, marks=("significant",)),
        Cell(0.1),
        Cell(0.1, marks=("significant",)),
    )
    rows = tuple(
        replace(row, name=str(n), cells=(*row.cells[:-1], cell))
        for n, cell in enumerate(differences)
    )
    cost = results / "predictions/Small-EC/seed-42/PM.cost.json"
    for one in rows:
        cost.with_name(f"{one.name}.cost.json").write_text(cost.read_text())
    found = verdict_of(
        results,
        replace(table, panels=(replace(panel, groups=(RowGroup("", rows),)),)),
        context={"tasks": {str(n): TASKS["PM"] for n in range(4)}},
    )
    assert [one.outcome for one in found.tasks] == [1, 0, -1, None]


@pytest.mark.parametrize(
    ("where", "word"),
    [("above", "better than simple"), ("contains", "no better"), ("below", "worse")],
)
def test_without_a_test_the_interval_decides(where: str, word: str, results: Path) -> None:
    table = claims_table(Cell(), **{"interval of simple": Cell(where, f"{where}*")})
    assert verdict_of(results, table).tasks[0].word == word


@pytest.mark.parametrize(
    ("simple", "word"),
    [
        (Simple("Words", 0.66), "better than simple"),
        (Simple("Words", 0.71), "no better"),
        (Simple("Words", 0.74), "worse"),
        (None, "not compared"),
    ],
)
def test_without_a_table_of_claims_that_of_results_is_read(
    simple: Simple | None, word: str, results: Path
) -> None:
    table = table_of_results()
    (column,) = table.panels[0].columns
    object.__setattr__(column, "simple", simple)
    found = verdict_of(results, table)
    assert (found.setting, found.tasks[0].score.value, found.tasks[0].word) == (IND, 0.7, word)
    assert ("compared with no simple baseline" in found.sentences[0]) == (simple is None)


def test_a_study_without_a_model_has_no_verdict_and_no_costs(results: Path) -> None:
    settings = report_settings(answering=None)
    assert read_verdicts(results, settings, [table_of_results()]) == []
    assert read_costs(results, settings) == []


@pytest.mark.parametrize(
    ("confusion", "details", "words"),
    [
        (
            {"yes": {"yes": 20, "no": 0, "invalid": 1}, "no": {"yes": 1, "no": 43}},
            {},
            "finds 20 of 21 yes, 1 false alarm in 44 no",
        ),
        ({"A": {"A": 3, "B": 1}, "B": {"C": 2}}, {}, "3 of 6 right"),
        ({}, {"counts": {"hits": 1, "misses": 2}}, "1 of 3 right"),
        ({}, {"counts": {"nv": 1}}, ""),
    ],
)
def test_answers_are_told_in_the_words_of_the_data(
    confusion: Any, details: Any, words: str
) -> None:
    assert in_words(confusion, details) == words


def test_costs_are_times_where_no_price_is_known(results: Path) -> None:
    training = {"Training, once": "10 min 0 s"}
    found = {one.of: one.amount for one in read_costs(results, report_settings())}
    assert found == {**training, "1,000 requests": "USD 0.010", "One answer": "0.38 s"}
    unpriced = report_settings(hourly=None, currency=None, timed=False)
    found = {one.of: one.amount for one in read_costs(results, unpriced)}
    assert found == {**training, "1,000 requests": "1 min 40 s"}
    (task,) = verdict_of(results, claims_table(Cell()), hourly=None).tasks
    assert task.price == "1 min 40 s"
    elsewhere = {"Small-EC": {"seeds": [42], "tasks": ["PM"]}}
    recorded = report_settings(timed=False, context={"models": elsewhere})
    assert read_costs(results, recorded) == [], "to read answers that exist costs nothing"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        *((0.0, "USD 0.00"), (0.00673, "USD 0.0067"), (0.0201, "USD 0.020"), (0.5, "USD 0.50")),
        *((1234.5, "USD 1,234.50"), (0.0000196, "USD 0.000020"), (nan, "")),
    ],
)
def test_a_price_is_written_as_people_do(value: float, shown: str) -> None:
    assert money(value, "USD") == shown
