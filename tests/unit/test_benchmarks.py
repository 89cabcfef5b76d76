"""Benchmarks run seldom; what they import of the library is there all the same."""

import ast
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import warm
from support.project import ROOT, SCRIPTS

from ecslm.training.settings import TrainingSettings

BENCHMARKS = sorted((ROOT / "benchmarks").glob("*.py"))


def module_path(name: str) -> Path:
    stem = SCRIPTS.joinpath(*name.split("."))
    return stem / "__init__.py" if stem.is_dir() else stem.with_suffix(".py")


def names_of(path: Path) -> set[str]:
    """What a module defines or imports at its top."""
    names: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
        else:
            targets = ast.walk(node)
            names |= {one.id for one in targets if isinstance(one, ast.Name)}
    return names


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.name)
def test_what_a_benchmark_imports_of_the_library_exists(path: Path) -> None:
    missing = [
        f"{node.module}.{alias.name}"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("ecslm")
        for alias in node.names
        if not module_path(f"{node.module}.{alias.name}").is_file()
        and alias.name not in names_of(module_path(str(node.module)))
    ]
    assert missing == []


@pytest.mark.parametrize("recipe", ["plain", "padded", "packed"])
def test_architectures_are_measured_on_a_cpu_in_small(recipe: str) -> None:
    arguments = ["--tiny", "--models", "Llama-3.2-1B", "--steps", "1", "--peak-tflops", "1"]
    script = str(ROOT / "benchmarks/architectures.py")
    run = warm.run([script, *arguments, "--recipe", recipe], ROOT)
    row = json.loads(run.stdout.splitlines()[-1]) if run.stdout else run.stderr
    assert row["rate"] > 0
    assert 0 < row["mfu"] < 1
    assert row["peak"] > 0


def test_without_a_gpu_the_benchmark_of_architectures_says_so_in_one_line() -> None:
    run = warm.run([str(ROOT / "benchmarks/architectures.py")], ROOT)
    assert run.returncode == 1
    assert run.stderr.splitlines()[-1].startswith("error: this measures a GPU, and this machine")


def test_the_operations_of_a_record_are_those_of_its_matrices_and_its_attention(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By hand for a model whose matrices are all square, adapted on all of them."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    from architectures import model_flops

    sizes = dict.fromkeys(("hidden_size", "intermediate_size", "head_dim", "vocab_size"), 32) | {
        "num_hidden_layers": 3,
        "num_attention_heads": 1,
        "num_key_value_heads": 1,
    }
    settings = TrainingSettings(rank=2)
    matrix = 4 * 32 * 32 + 6 * 2 * (32 + 32)
    attention = 6 * 3 * 32 * 10 * 10
    assert model_flops(sizes, settings, 10, 4) == 10 * 3 * 7 * matrix + 4 * matrix + attention


def test_without_trl_its_row_is_asked_for_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import with_trl

    monkeypatch.setattr(with_trl, "find_spec", lambda _name: None)
    assert not with_trl.has_trl()
    (line,) = capsys.readouterr().err.splitlines()
    assert f"`pip install --no-deps --target FOLDER trl=={with_trl.VERSION}`" in line


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
