"""Two results directories, cell by cell: what changed, beyond its interval or not, and why."""

import json
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.model_examples import run_here

from ecslm.common.errors import InputError
from ecslm.common.files import write_json, write_jsonl
from ecslm.common.hashing import sha256_of_file
from ecslm.common.manifests import made_from, manifest_of, write_manifest
from ecslm.provenance.difference.cells import CellKey, ResultsFolder
from ecslm.provenance.difference.compare import ResultsDiff, _missing, diff_results
from ecslm.provenance.difference.text import _signed, as_text

SETTING = "IND_Diverse_Instruction"
REFERENCES = ["yes", "no"] * 30
SETTINGS = {
    "task": {"answer": "yes_no", "metric": "binary_f1"},
    "scoring": {"resamples": 200},
}


def flipped(answers: Sequence[str], count: int) -> list[str]:
    """The answers, of which the first ones are the opposite."""
    other = {"yes": "no", "no": "yes"}
    return [other[one] if i < count else one for i, one in enumerate(answers)]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results lie as in a project."""
    monkeypatch.chdir(tmp_path)


def write_scores(
    study: str,
    answers: Sequence[str],
    monkeypatch: pytest.MonkeyPatch,
    model: str = "Small",
    seed: int = 0,
    task: str = "PM",
    **settings: Any,
) -> Path:
    """The predictions of one model, seed and task, scored as a job does it; returns the results."""
    results = Path("results") / study
    predictions = results / f"predictions/{model}/seed-{seed}/{task}.jsonl"
    rows = [
        {"id": f"r{i}", "sample_id": f"s{i}", "setting": SETTING, "prediction": answer}
        | {"reference": reference}
        for i, (answer, reference) in enumerate(zip(answers, REFERENCES, strict=True))
    ]
    write_jsonl(predictions, rows)
    output = results / f"metrics/{model}/seed-{seed}/{task}.json"
    options = ["--task", task, "--model", model, "--seed", seed, "--predictions", predictions]
    given = json.dumps(SETTINGS | settings)
    assert (
        run_here(monkeypatch, "score.py", [*options, "--settings", given, "--output", output]) == 0
    )
    return results


def compared(before: Path, after: Path) -> ResultsDiff:
    return diff_results(ResultsFolder(before), ResultsFolder(after))


def strict_change(diff: ResultsDiff) -> Any:
    (change,) = (one for one in diff.changes if one.key.protocol == "strict")
    return change


def edited(path: Path, **fields: Any) -> None:
    """A JSON file with other fields."""
    write_json(path, json.loads(path.read_text(encoding="utf-8")) | fields)


def test_a_copy_differs_in_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    results = write_scores("one", flipped(REFERENCES, 9), monkeypatch)
    shutil.copytree(results, "copy")
    diff = compared(results, Path("copy"))
    assert (diff.compared, diff.changes, diff.missing) == (4, (), ())
    assert run_here(monkeypatch, "diff_results.py", [results, "copy"]) == 0


@pytest.mark.parametrize(("count", "beyond", "status"), [(1, False, 3), (30, True, 4)])
def test_a_change_is_beyond_its_interval_if_many_records_changed(
    monkeypatch: pytest.MonkeyPatch, count: int, beyond: bool, status: int
) -> None:
    before = write_scores("one", REFERENCES, monkeypatch)
    after = write_scores("two", flipped(REFERENCES, count), monkeypatch)
    change = strict_change(compared(before, after))
    assert (change.basis, change.beyond, change.records_changed) == ("paired", beyond, count)
    assert change.difference == change.after.value - change.before.value < 0
    low, high = change.ci95
    assert low <= change.difference <= high
    assert run_here(monkeypatch, "diff_results.py", [before, after]) == status


@pytest.mark.parametrize(("count", "beyond"), [(1, False), (30, True)])
def test_without_records_intervals_are_compared(
    monkeypatch: pytest.MonkeyPatch, count: int, beyond: bool
) -> None:
    before = write_scores("one", REFERENCES, monkeypatch)
    after = write_scores("two", flipped(REFERENCES, count), monkeypatch)
    (before / "metrics/Small/seed-0/PM.records.jsonl").unlink()
    change = strict_change(compared(before, after))
    assert (change.basis, change.beyond, change.ci95) == ("overlap", beyond, None)
    assert change.records_changed is None


@pytest.mark.parametrize("count", [0, 1])
def test_another_formula_is_not_judged_by_pairs_of_records(
    monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """Whether some of them have changed too or not."""
    before = write_scores("one", flipped(REFERENCES, 20), monkeypatch)
    after = write_scores("two", flipped(REFERENCES, 20 + count), monkeypatch)
    path = after / "metrics/Small/seed-0/PM.json"
    metrics = json.loads(path.read_text(encoding="utf-8"))
    metrics["settings"][SETTING]["strict"] |= {"value": 0.1, "ci95": [0.05, 0.2]}
    digest = sha256_of_file(path)
    write_json(path, metrics)
    manifest = manifest_of(path)
    manifest.write_text(manifest.read_text().replace(digest, sha256_of_file(path)))
    change = strict_change(compared(before, after))
    assert (change.basis, change.ci95, change.beyond) == ("overlap", None, True)
    assert change.records_changed == count


def test_a_released_score_has_not_changed_with_what_only_strict_can_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its scorer drops both answers to the first record."""
    before = write_scores("one", ["Yes.", *REFERENCES[1:]], monkeypatch)
    after = write_scores("two", ["?", *REFERENCES[1:]], monkeypatch)
    assert {one.key.protocol for one in compared(before, after).changes} == {"strict", "lenient"}


def test_each_protocol_counts_the_answers_that_it_cannot_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    results = write_scores("one", ["It is yes", "?", *REFERENCES[2:]], monkeypatch)
    invalid = {key.protocol: cell.invalid for key, cell in ResultsFolder(results).cells.items()}
    assert (invalid["strict"], invalid["lenient"]) == (2, 1)


def test_only_the_strict_score_has_an_interval_to_be_beyond(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = write_scores("one", REFERENCES, monkeypatch)
    after = write_scores("two", flipped(REFERENCES, 30), monkeypatch)
    found = {change.key.protocol: change.beyond for change in compared(before, after).changes}
    assert found == {"strict": True, "lenient": None, "released": None, "released_2024": None}


def test_what_only_one_has_is_a_line_each(monkeypatch: pytest.MonkeyPatch) -> None:
    before = write_scores("one", REFERENCES, monkeypatch)
    write_scores("one", REFERENCES, monkeypatch, model="Large")
    write_scores("one", REFERENCES, monkeypatch, model="Large", task="AP")
    after = write_scores("two", REFERENCES, monkeypatch)
    write_scores("two", REFERENCES, monkeypatch, seed=1)
    diff = compared(before, after)
    lines = as_text(diff, before, after).splitlines()
    assert lines == [
        "A results/one, B results/two: 4 cells in both, none changed",
        "only in A: model Large (8 cells)",
        "only in B: model Small, seed 1 (4 cells)",
    ]
    assert run_here(monkeypatch, "diff_results.py", [before, after]) == 3


KEYS = st.builds(
    CellKey,
    task=st.sampled_from(["PM", "SA"]),
    setting=st.sampled_from(["IND", "OOD"]),
    model=st.sampled_from(["One", "Two"]),
    seed=st.integers(0, 1),
    protocol=st.sampled_from(["strict", "lenient"]),
)


@given(st.sets(KEYS), st.sets(KEYS))
def test_missing_cells_are_counted_once_under_names_that_the_other_lacks(
    keys: set[CellKey], others: set[CellKey]
) -> None:
    found = list(_missing("A", keys, others))
    assert sum(one.cells for one in found) == len(keys - others)
    for one in found:
        assert not [key for key in others if _has(key, one.names.items())]


def _has(key: CellKey, names: Iterable[tuple[str, object]]) -> bool:
    return all(getattr(key, name) == value for name, value in names)


def test_directories_without_a_common_cell_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    before = write_scores("one", REFERENCES, monkeypatch)
    after = write_scores("two", REFERENCES, monkeypatch, model="Large")
    with pytest.raises(InputError, match="results/one and results/two: no model, seed, task"):
        compared(before, after)


def test_a_directory_without_scores_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no scores \(metrics/MODEL"):
        ResultsFolder(tmp_path)
    with pytest.raises(InputError, match="nowhere: no such directory"):
        ResultsFolder(Path("nowhere"))


# Why


def causes(before: Path, after: Path) -> list[str]:
    return list(map(str, strict_change(compared(before, after)).causes))


def test_other_scoring_settings_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = flipped(REFERENCES, 9)
    before = write_scores("one", answers, monkeypatch)
    after = write_scores("two", flipped(answers, 1), monkeypatch, scoring={"resamples": 300})
    assert causes(before, after) == [
        "settings: scoring.resamples: 200 -> 300",
        "data: predictions/Small/seed-0/PM.jsonl has other content",
    ]


def test_code_is_named_by_definitions_and_versions_by_library(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = write_scores("one", REFERENCES, monkeypatch)
    after = write_scores("two", flipped(REFERENCES, 1), monkeypatch)
    for results, number in ((before, "1"), (after, "2")):
        made = results / "metrics/Small/seed-0/PM.manifest.json"
        edited(made, code=f"code:{number}", versions={"numpy": f"2.{number}"}, inputs={})
        write_json(Path(f"results/code/{number}.json"), {"ecslm.f1": {"_f1": number, "": "0"}})
    assert causes(before, after) == [
        "code: ecslm.f1: _f1 has changed",
        "versions: numpy: 2.1 -> 2.2",
    ]


def test_the_causes_of_other_answers_are_those_of_their_own_manifests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = write_scores("one", REFERENCES, monkeypatch)
    after = write_scores("two", flipped(REFERENCES, 1), monkeypatch)
    for results, limit in ((before, 12), (after, 24)):
        dataset = results / "dataset/PM/test.jsonl"
        write_jsonl(dataset, [{"study": results.name}])
        origin = made_from([], {"tolerate": []}, None, {}) | {"content": f"rows:{limit}"}
        write_manifest(manifest_of(dataset), origin, [dataset])
        predictions = results / "predictions/Small/seed-0/PM.jsonl"
        settings = {"decoding": {"max_new_tokens": limit}}
        origin = made_from([dataset], settings, None, {"torch": "2.13"})
        write_manifest(manifest_of(predictions), origin, [predictions])
    assert causes(before, after) == [
        "settings: decoding.max_new_tokens: 12 -> 24",
        "data: the rows of the source of dataset/PM",
    ]


def test_without_a_manifest_the_cause_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    before = write_scores("one", REFERENCES, monkeypatch)
    after = write_scores("two", flipped(REFERENCES, 1), monkeypatch)
    (after / "metrics/Small/seed-0/PM.manifest.json").unlink()
    (cause,) = causes(before, after)
    assert cause == f"unknown: no {after}/metrics/Small/seed-0/PM.manifest.json"


# What is printed


def test_a_changed_cell_stands_below_its_cause(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = write_scores("one", REFERENCES, monkeypatch)
    after = write_scores("two", flipped(REFERENCES, 30), monkeypatch)
    capsys.readouterr()
    assert run_here(monkeypatch, "diff_results.py", [before, after]) == 4
    head, _, cause, names, columns, row, *_ = capsys.readouterr().out.splitlines()
    assert head.endswith("4 cells in both, 4 changed, 1 of them beyond their interval")
    assert cause == "data: predictions/Small/seed-0/PM.jsonl has other content"
    assert names == f"  Task PM, Setting {SETTING}, Model Small, Seed 0"
    assert columns.split()[:6] == ["Protocol", "A", "B", "B", "-", "A"]
    assert row.split()[:4] == ["lenient", "1.000", "0.500", "-0.500"]


@given(st.floats(-1, 1))
def test_a_change_is_shown_with_its_sign_however_small(value: float) -> None:
    shown = _signed(value)
    assert float(shown) == pytest.approx(value, abs=5e-4)
    assert (shown[0] == "-", bool(float(shown))) == (value < 0, bool(value)) or not value


def test_the_json_has_every_changed_cell(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = write_scores("one", REFERENCES, monkeypatch)
    after = write_scores("two", flipped(REFERENCES, 1), monkeypatch)
    capsys.readouterr()
    assert run_here(monkeypatch, "diff_results.py", ["--json", before, after]) == 3
    found = json.loads(capsys.readouterr().out)
    assert (found["compared"], found["changed"], found["beyond"]) == (4, 4, 0)
    strict = next(cell for cell in found["cells"] if cell["protocol"] == "strict")
    assert strict["a"]["value"] == 1 and strict["b"]["value"] < 1
    assert strict["causes"] == [
        {"kind": "data", "words": "predictions/Small/seed-0/PM.jsonl has other content"}
    ]
