"""Benchmarks run seldom; what they import of the library is there all the same."""

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.project import ROOT

BENCHMARKS = sorted((ROOT / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.name)
def test_what_a_benchmark_imports_of_the_library_exists(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("ecslm"):
            exec(ast.unparse(node), {})


def test_the_planning_page_says_what_the_estimates_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    monkeypatch.chdir(ROOT)
    from planning import BEGIN, END, PAGE, lines

    written = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    expected = "\n".join(lines())
    assert written.strip() == expected.strip(), "run `python benchmarks/planning.py`"


def test_steps_without_a_model_take_what_was_measured_and_more_where_there_is_more_to_score(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    monkeypatch.chdir(ROOT)
    from planning import OTHER_STEPS, SIX, other_steps, plan_of

    # metric_fix.py measures the study of these six models.
    six, three = plan_of(SIX), plan_of(SIX[:3])
    assert other_steps(six) * 3600 == pytest.approx(OTHER_STEPS)
    assert other_steps(three) == pytest.approx(other_steps(six) / 2)


@given(data=st.data(), count=st.integers(1, 5))
def test_jobs_are_placed_within_what_their_sum_and_their_longest_way_allow(
    data: st.DataObject, count: int
) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.syspath_prepend(ROOT / "benchmarks")
        from pools import Pool, Unit, place

    units, ends = [], []
    for number in range(data.draw(st.integers(1, 8))):
        needs = data.draw(st.sets(st.integers(0, number - 1))) if number else set()
        seconds = data.draw(st.integers(1, 100))
        units.append(
            Unit("job", frozenset({str(number)}), frozenset(map(str, needs)), float(seconds))
        )
        ends.append(seconds + max((ends[one] for one in needs), default=0))
    placed = place(units, Pool("pool", "card", count))
    wall, total = placed.wall * 3600, sum(unit.seconds for unit in units)
    assert placed.all * 3600 == pytest.approx(total)
    least = max(*ends, total / count)
    # Graham 1969: placing what is ready takes at most twice the best, less a share.
    assert least - 1e-6 <= wall <= total / count + max(ends) * (1 - 1 / count) + 1e-6
