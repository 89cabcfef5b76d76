"""Benchmarks run seldom; what they use of the library is there all the same."""

import ast
from pathlib import Path
from types import ModuleType

import pytest
from support.project import ROOT

BENCHMARKS = sorted((ROOT / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.name)
def test_what_a_benchmark_uses_of_the_library_exists(path: Path) -> None:
    tree, names = ast.parse(path.read_text(encoding="utf-8")), dict[str, object]()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("ecslm"):
            exec(ast.unparse(node), names)
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(ast.Name(id=name), attr) if isinstance(names.get(name), ModuleType):
                assert hasattr(names[name], attr), ast.unparse(node)


def test_the_bare_workflow_has_the_jobs_of_ours_and_made_up_results_count_as_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    from scheduling import make_files, make_projects, record, same_shape, write_all_manifests

    projects = make_projects(tmp_path, 60)
    jobs, edges = same_shape(projects)
    assert 60 <= jobs < edges
    make_files(projects["ours"])
    write_all_manifests(projects["ours"])
    record(projects["ours"])


def test_the_planning_page_says_what_the_estimates_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    from planning import BEGIN, END, PAGE, lines

    written = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    expected = "\n".join(lines())
    assert written.strip() == expected.strip(), "run `python benchmarks/planning.py`"


def test_steps_without_a_model_take_what_was_measured_and_more_where_there_is_more_to_score(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    from planning import OTHER_STEPS, SIX, other_steps, plan_of

    # metric_fix.py measures the study of these six models.
    six, three = plan_of(SIX), plan_of(SIX[:3])
    assert other_steps(six) * 3600 == pytest.approx(OTHER_STEPS)
    assert other_steps(three) == pytest.approx(other_steps(six) / 2)
