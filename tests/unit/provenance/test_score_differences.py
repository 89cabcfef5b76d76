"""Two results directories, cell by cell: what changed, beyond its interval or not, and why."""

import json
import shutil
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from support.model_examples import run_here

from ecslm.common.errors import InputError
from ecslm.common.files import write_bytes, write_json, write_jsonl
from ecslm.common.manifests import made_from, manifest_of, write_manifest
from ecslm.exports.settings import ScoreRowsSettings
from ecslm.exports.tidy_scores import as_parquet, score_frame
from ecslm.provenance.score_differences import as_text, compare_scores

SETTING = "IND_Diverse_Instruction"
REFERENCES = ["yes", "no"] * 30
SETTINGS = {"task": {"answer": "yes_no", "metric": "binary_f1"}, "scoring": {"resamples": 200}}
METRICS = "metrics/Small/seed-0/PM.json"
PREDICTIONS = "predictions/Small/seed-0/PM.jsonl"
Write = Callable[..., Path]


def flipped(count: int) -> list[str]:
    """The right answers, of which the first ones are the opposite."""
    other = {"yes": "no", "no": "yes"}
    return [other[one] if i < count else one for i, one in enumerate(REFERENCES)]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes the results of a study as in a project; returns their folder.

    The answers of one model, seed and task are scored as a job does it.
    """
    monkeypatch.chdir(tmp_path)

    def scored(
        study: str,
        answers: Sequence[str] = REFERENCES,
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
        options += ["--settings", json.dumps(SETTINGS | settings), "--output", output]
        assert run_here(monkeypatch, "score.py", options) == 0
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


def strict(before: Path, after: Path) -> dict[str, Any]:
    """The changed strict score."""
    cells = compare_scores(before, after)["cells"]
    (cell,) = (cell for cell in cells if cell["protocol"] == "strict")
    return dict(cell)


def status(before: Path, after: Path, *options: str) -> int:
    with pytest.MonkeyPatch.context() as patch:
        return run_here(patch, "diff_results.py", [*options, before, after])


def test_a_copy_differs_in_nothing(write: Write) -> None:
    results = write("one", flipped(9))
    shutil.copytree(results, "copy")
    found = compare_scores(results, Path("copy"))
    assert (found["compared"], found["cells"], found["missing"]) == (4, [], [])
    assert status(results, Path("copy")) == 0


@pytest.mark.parametrize(("count", "beyond", "ended"), [(11, False, 3), (40, True, 4)])
def test_a_change_is_beyond_its_interval_if_the_two_intervals_do_not_overlap(
    write: Write, count: int, beyond: bool, ended: int
) -> None:
    before, after = write("one", flipped(10)), write("two", flipped(count))
    cell, other = strict(before, after), strict(after, before)
    assert cell["beyond"] == other["beyond"] == beyond
    assert cell["difference"] == cell["b"]["value"] - cell["a"]["value"] < 0
    others = [one for one in compare_scores(before, after)["cells"] if one["protocol"] != "strict"]
    assert {one["beyond"] for one in others} == {None}
    assert status(before, after) == ended


def test_what_only_one_has_is_a_line(write: Write) -> None:
    before = write("one")
    write("one", model="Large")
    write("one", model="Large", task="AP")
    after = write("two")
    write("two", seed=1)
    assert as_text(compare_scores(before, after)).splitlines() == [
        "A results/one, B results/two: 4 cells in both, none changed",
        "only in A: task AP, model Large (8 cells)",
        "only in B: seed 1 (4 cells)",
    ]
    assert status(before, after) == 3
    # Of each name the other side has something.
    write("two", model="Large")
    write("two", model="Other", task="AP")
    line = f"\nonly in A: task AP, setting {SETTING}, model Large, seed 0, protocol "
    assert line in as_text(compare_scores(before, after))


def test_directories_that_cannot_be_compared_are_refused(write: Write, tmp_path: Path) -> None:
    before, after = write("one"), write("two", model="Large")
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
    before, after = write("one"), write("two", flipped(1), scoring={"resamples": 300})
    for results, number in ((before, "1"), (after, "2")):
        write_json(Path(f"results/code/{number}.json"), {"ecslm.f1": {"_f1": number, "": "0"}})
        made = manifest_of(results / METRICS)
        more = {"code": f"code:{number}", "versions": {"numpy": f"2.{number}"}}
        write_json(made, json.loads(made.read_text()) | more)
        collected(results)
    assert causes(before, after) == [
        "code: ecslm.f1: _f1 has changed",
        "settings: scoring.resamples: 200 -> 300",
        "versions: numpy: 2.1 -> 2.2",
        f"unknown: {PREDICTIONS} was computed again, with other bytes: on another machine, or not "
        "deterministically",
    ]
    manifest_of(after / METRICS).unlink()
    assert causes(before, after) == [f"unknown: no {manifest_of(after / METRICS)}"]


def test_the_causes_of_other_answers_are_those_of_their_own_manifests(write: Write) -> None:
    before, after = write("one"), write("two", flipped(1))
    for results, limit in ((before, 12), (after, 24)):
        dataset, predictions = results / "dataset/PM/test.jsonl", results / PREDICTIONS
        write_jsonl(dataset, [{"study": results.name}])
        origin = made_from([], {"tolerate": []}, None, {}) | {"content": f"rows:{limit}"}
        write_manifest(manifest_of(dataset), origin, [dataset])
        settings = {"decoding": {"max_new_tokens": limit}}
        origin = made_from([dataset], settings, None, {"torch": "2.13"})
        write_manifest(manifest_of(predictions), origin, [predictions])
    assert causes(before, after) == [
        "settings: decoding.max_new_tokens: 12 -> 24",
        "data: the content of the source has changed",
    ]


def test_a_changed_cell_stands_below_its_cause_and_whole_in_the_json(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = write("one"), write("two", flipped(30))
    for results in (before, after):
        manifest_of(results / PREDICTIONS).unlink()
    capsys.readouterr()
    assert status(before, after) == 4
    head, _, cause, columns, row, *_ = capsys.readouterr().out.splitlines()
    assert head.endswith("4 cells in both, 4 changed, 1 of them beyond their interval")
    assert cause == f"data: {PREDICTIONS} has changed"
    assert columns.split()[:7] == ["Task", "Setting", "Model", "Seed", "Protocol", "A", "B"]
    assert row.split()[4:8] == ["lenient", "1.000", "0.500", "-0.5"]
    assert status(before, after, "--json") == 4
    found = json.loads(capsys.readouterr().out)
    assert (found["compared"], found["changed"], found["beyond"]) == (4, 4, 1)
    cell = next(cell for cell in found["cells"] if cell["protocol"] == "strict")
    assert (cell["a"]["value"], cell["b"]["value"], cell["seed"]) == (1, 0.5, 0)
    assert cell["causes"] == [{"kind": "data", "words": cause.removeprefix("data: ")}]
