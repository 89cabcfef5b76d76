"""Two results directories, cell by cell: what changed, beyond its interval or not, and why."""

import json
import shutil
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.model_examples import run_here

from ecslm.common.errors import InputError
from ecslm.common.files import write_bytes, write_json, write_jsonl
from ecslm.common.hashing import sha256_of_file
from ecslm.common.manifests import made_from, manifest_of, write_manifest
from ecslm.exports.settings import ScoreRowsSettings
from ecslm.exports.tidy_scores import as_parquet, score_frame
from ecslm.provenance.score_differences import as_text, compare_scores, signed

SETTING = "IND_Diverse_Instruction"
REFERENCES = ["yes", "no"] * 30
SETTINGS = {"task": {"answer": "yes_no", "metric": "binary_f1"}, "scoring": {"resamples": 200}}
METRICS = "metrics/Small/seed-0/PM.json"
Write = Callable[..., Path]


def flipped(answers: Sequence[str], count: int) -> list[str]:
    """The answers, of which the first ones are the opposite."""
    other = {"yes": "no", "no": "yes"}
    return [other[one] if i < count else one for i, one in enumerate(answers)]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes the results of a study as in a project; returns their folder.

    The answers of one model, seed and task are scored as a job does it.
    """
    monkeypatch.chdir(tmp_path)

    def scored(
        study: str,
        answers: Sequence[str],
        model: str = "Small",
        seed: int = 0,
        task: str = "PM",
        **settings: Any,
    ) -> Path:
        results = Path("results") / study
        predictions = results / f"predictions/{model}/seed-{seed}/{task}.jsonl"
        rows = [
            {"id": f"r{i}", "sample_id": f"s{i}", "setting": SETTING, "prediction": answer}
            | {"reference": reference, "prompt_tokens": 1, "generated_tokens": 1}
            for i, (answer, reference) in enumerate(zip(answers, REFERENCES, strict=True))
        ]
        write_jsonl(predictions, rows)
        write_manifest(manifest_of(predictions), made_from([], {}, None, {}), [predictions])
        output = results / f"metrics/{model}/seed-{seed}/{task}.json"
        options = ["--task", task, "--model", model, "--seed", seed, "--predictions", predictions]
        given = json.dumps(SETTINGS | settings)
        status = run_here(
            monkeypatch, "score.py", [*options, "--settings", given, "--output", output]
        )
        assert status == 0
        return collected(results)

    return scored


def collected(results: Path) -> Path:
    """The folder, with all of its scores in scores.parquet."""
    models: dict[str, dict[str, set[Any]]] = defaultdict(lambda: {"seeds": set(), "tasks": set()})
    for path in results.glob("metrics/*/*/*.records.jsonl"):
        model, seed, name = path.parts[-3:]
        models[model]["seeds"].add(int(seed.removeprefix("seed-")))
        models[model]["tasks"].add(name.partition(".")[0])
    untuned = {"kind": "untuned", "base": None, "adapter": None}
    settings = ScoreRowsSettings.model_validate(
        {"study": results.name, "models": {name: untuned | of for name, of in models.items()}}
    )
    path = results / "scores.parquet"
    write_bytes(path, as_parquet(score_frame(settings, results)))
    inputs = [results / name for name in settings.files()]
    write_manifest(manifest_of(path), made_from(inputs, settings, None, {}), [path])
    return results


def edited(results: Path, name: str, **fields: Any) -> None:
    """A JSON file with other fields, as if the job had written it so; the scores are collected."""
    path = results / name
    digest = sha256_of_file(path)
    write_json(path, json.loads(path.read_text(encoding="utf-8")) | fields)
    if not name.endswith("manifest.json"):
        made = manifest_of(path)
        made.write_text(made.read_text().replace(digest, sha256_of_file(path)))
    collected(results)


def strict(before: Path, after: Path) -> dict[str, Any]:
    """The changed strict score."""
    cells = compare_scores(before, after)["cells"]
    (cell,) = (cell for cell in cells if cell["protocol"] == "strict")
    return dict(cell)


def status(before: Path, after: Path, *options: str) -> int:
    with pytest.MonkeyPatch.context() as patch:
        return run_here(patch, "diff_results.py", [*options, before, after])


def test_a_copy_differs_in_nothing(write: Write) -> None:
    results = write("one", flipped(REFERENCES, 9))
    shutil.copytree(results, "copy")
    found = compare_scores(results, Path("copy"))
    assert (found["compared"], found["cells"], found["missing"]) == (4, [], [])
    assert status(results, Path("copy")) == 0


@pytest.mark.parametrize(("count", "beyond", "ended"), [(1, False, 3), (30, True, 4)])
def test_a_change_is_beyond_its_interval_if_many_records_changed(
    write: Write, count: int, beyond: bool, ended: int
) -> None:
    before, after = write("one", REFERENCES), write("two", flipped(REFERENCES, count))
    cell = strict(before, after)
    assert (cell["basis"], cell["beyond"], cell["records_changed"]) == ("paired", beyond, count)
    assert cell["ci95"][0] <= cell["difference"] <= cell["ci95"][1]
    assert cell["difference"] == cell["b"]["value"] - cell["a"]["value"] < 0
    others = [one for one in compare_scores(before, after)["cells"] if one["protocol"] != "strict"]
    assert {one["beyond"] for one in others} == {None}
    assert status(before, after) == ended
    # Without records.
    (before / "metrics/Small/seed-0/PM.records.jsonl").unlink()
    cell = strict(before, after)
    assert (cell["basis"], cell["beyond"], cell["ci95"]) == ("overlap", beyond, None)
    assert cell["records_changed"] is None


def test_another_formula_is_not_judged_by_pairs_of_records(write: Write) -> None:
    before, after = write("one", flipped(REFERENCES, 20)), write("two", flipped(REFERENCES, 21))
    metrics = json.loads((after / METRICS).read_text(encoding="utf-8"))["settings"]
    metrics[SETTING]["strict"] |= {"value": 0.1, "ci95": [0.05, 0.2]}
    edited(after, METRICS, settings=metrics)
    cell = strict(before, after)
    assert (cell["basis"], cell["ci95"], cell["beyond"]) == ("overlap", None, True)
    assert cell["records_changed"] == 1


def test_what_only_one_has_is_a_line(write: Write) -> None:
    before = write("one", REFERENCES)
    write("one", REFERENCES, model="Large")
    write("one", REFERENCES, model="Large", task="AP")
    after = write("two", REFERENCES)
    write("two", REFERENCES, seed=1)
    assert as_text(compare_scores(before, after)).splitlines() == [
        "A results/one, B results/two: 4 cells in both, none changed",
        "only in A: task AP, model Large (8 cells)",
        "only in B: seed 1 (4 cells)",
    ]
    assert status(before, after) == 3
    # Of each name the other side has something.
    write("two", REFERENCES, model="Large")
    write("two", REFERENCES, model="Other", task="AP")
    line = f"\nonly in A: such as task AP, setting {SETTING}, model Large, seed 0, protocol "
    assert line in as_text(compare_scores(before, after))


def test_directories_that_cannot_be_compared_are_refused(write: Write, tmp_path: Path) -> None:
    before, after = write("one", REFERENCES), write("two", REFERENCES, model="Large")
    with pytest.raises(InputError, match="results/one and results/two: no model, seed, task"):
        compare_scores(before, after)
    with pytest.raises(InputError, match=r"scores\.parquet: no such file"):
        compare_scores(before, tmp_path)
    (after / "metrics/Large/seed-0/PM.json").write_text("{}")
    with pytest.raises(InputError, match=r"PM\.json: not what .* has: run the study to its end"):
        compare_scores(before, after)
    (before / "scores.parquet").write_bytes(b"cut")
    with pytest.raises(InputError, match=r"scores\.parquet: altered"):
        compare_scores(before, after)


# Why


def causes(before: Path, after: Path) -> list[str]:
    return [f"{one['kind']}: {one['words']}" for one in strict(before, after)["causes"]]


def test_code_is_named_by_definitions_versions_by_library_and_settings_by_key(write: Write) -> None:
    scoring = {"scoring": {"resamples": 300}}
    before, after = write("one", REFERENCES), write("two", flipped(REFERENCES, 1), **scoring)
    for results, number in ((before, "1"), (after, "2")):
        write_json(Path(f"results/code/{number}.json"), {"ecslm.f1": {"_f1": number, "": "0"}})
        more = {"code": f"code:{number}", "versions": {"numpy": f"2.{number}"}}
        edited(results, METRICS.replace(".json", ".manifest.json"), **more)
    assert causes(before, after) == [
        "code: ecslm.f1: _f1 has changed",
        "settings: scoring.resamples: 200 -> 300",
        "versions: numpy: 2.1 -> 2.2",
        "unknown: predictions/Small/seed-0/PM.jsonl was computed again, with other bytes: on "
        "another machine, or not deterministically",
    ]
    manifest = manifest_of(after / METRICS)
    manifest.unlink()
    assert causes(before, after) == [f"unknown: no {manifest}"]


def test_the_causes_of_other_answers_are_those_of_their_own_manifests(write: Write) -> None:
    before, after = write("one", REFERENCES), write("two", flipped(REFERENCES, 1))
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
        "data: the content of the source has changed",
    ]


# What is printed


def test_a_changed_cell_stands_below_its_cause_and_whole_in_the_json(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = write("one", REFERENCES), write("two", flipped(REFERENCES, 30))
    for results in (before, after):
        manifest_of(results / "predictions/Small/seed-0/PM.jsonl").unlink()
    capsys.readouterr()
    assert status(before, after) == 4
    head, _, cause, names, columns, row, *_ = capsys.readouterr().out.splitlines()
    assert head.endswith("4 cells in both, 4 changed, 1 of them beyond their interval")
    assert cause == "data: predictions/Small/seed-0/PM.jsonl has changed"
    assert names == f"  Task PM, Setting {SETTING}, Model Small, Seed 0"
    assert columns.split()[:6] == ["Protocol", "A", "B", "B", "-", "A"]
    assert row.split()[:4] == ["lenient", "1.000", "0.500", "-0.500"]
    assert status(before, after, "--json") == 4
    found = json.loads(capsys.readouterr().out)
    assert (found["compared"], found["changed"], found["beyond"]) == (4, 4, 1)
    cell = next(cell for cell in found["cells"] if cell["protocol"] == "strict")
    assert (cell["a"]["value"], cell["b"]["value"], cell["seed"]) == (1, 0.5, 0)
    assert cell["causes"] == [{"kind": "data", "words": cause.removeprefix("data: ")}]


@given(st.floats(-1, 1))
def test_a_change_is_shown_with_its_sign_however_small(value: float) -> None:
    shown = signed(value)
    assert float(shown) == pytest.approx(value, abs=5e-4)
    assert (shown[0] == "-", bool(float(shown))) == (value < 0, bool(value)) or not value
