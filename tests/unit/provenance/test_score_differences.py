"""Two results directories, cell by cell: what changed, beyond its interval or not, and why."""

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.model_examples import run_here

from ecslm.common.errors import InputError
from ecslm.common.files import write_json, write_jsonl
from ecslm.common.manifests import made_from, manifest_of, write_manifest
from ecslm.provenance.score_differences import as_text, compare_scores

SETTING = "IND_Diverse_Instruction"
METRICS = "metrics/{}/seed-{}/{}.json"
PREDICTIONS = "predictions/Small/seed-0/PM.jsonl"
SAME = (1.0, None, None)


def results(
    study: str,
    strict: tuple[float, float, float] = (0.9, 0.8, 1.0),
    more: tuple[tuple[str, int, str], ...] = (),
    **made: Any,
) -> Path:
    """The folder of a study with a strict score, value and interval, and a lenient one, of each
    model, seed and task; what else decides these is given to their manifests."""
    folder, scored = Path("results") / study, [("Small", 0, "PM"), *more]
    predictions = folder / PREDICTIONS
    write_jsonl(predictions, [{"prediction": str(strict)}])
    found = []
    for model, seed, task in scored:
        path = folder / METRICS.format(model, seed, task)
        write_json(path, {"strict": strict})
        given = {"settings": {}, "code": None, "versions": {}} | made
        write_manifest(manifest_of(path), made_from([predictions], **given), [path])
        key = {"task": task, "setting": SETTING, "model": model, "seed": seed}
        counts = {"n": 60, "invalid": 0, "truncated": 0}
        for name, values in {"strict": strict, "lenient": SAME}.items():
            told = dict(zip(("value", "low", "high"), values, strict=True))
            found.append(key | counts | {"protocol": name} | told)
    scores = folder / "scores.parquet"
    pd.DataFrame(found).to_parquet(scores)
    inputs = [folder / METRICS.format(*one) for one in scored]
    write_manifest(manifest_of(scores), made_from(inputs, {}, None, {}), [scores])
    return folder


def status(before: Path, after: Path, *options: str) -> int:
    with pytest.MonkeyPatch.context() as patch:
        return run_here(patch, "diff_results.py", [*options, before, after])


def test_a_copy_differs_in_nothing() -> None:
    shutil.copytree(before := results("one"), "copy")
    found = compare_scores(before, Path("copy"))
    assert (found["compared"], found["cells"], found["missing"]) == (2, [], [])
    assert status(before, Path("copy")) == 0


@pytest.mark.parametrize(("low", "high", "ended"), [(0.5, 0.85, 3), (0.5, 0.79, 4)])
def test_intervals_that_do_not_overlap_are_beyond_chance(
    low: float, high: float, ended: int
) -> None:
    before, after = results("one"), results("two", (0.6, low, high))
    (cell,), (other,) = (
        compare_scores(*both)["cells"] for both in ((before, after), (after, before))
    )
    assert cell["beyond"] == other["beyond"] == (ended == 4)
    assert cell["difference"] == pytest.approx(-0.3)
    assert status(before, after) == ended


def test_a_change_without_an_interval_is_neither_and_stands_below_its_cause_and_in_the_json(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before, after = results("one"), results("two", (0.5, None, None))  # type: ignore[arg-type]
    capsys.readouterr()
    assert status(before, after) == 3
    head, _, cause, columns, row, *_ = capsys.readouterr().out.splitlines()
    assert head.endswith("2 cells in both, 1 changed, 0 of them beyond their interval")
    assert cause == f"data: {PREDICTIONS} has changed"
    assert columns.split()[:7] == ["Task", "Setting", "Model", "Seed", "Protocol", "A", "B"]
    assert row.split()[4:9] == ["strict", "0.9", "0.5", "-0.4", "--"]
    assert status(before, after, "--json") == 3
    (cell,) = json.loads(capsys.readouterr().out)["cells"]
    assert (cell["a"]["value"], cell["b"]["value"], cell["seed"]) == (0.9, 0.5, 0)
    assert cell["causes"] == [{"kind": "data", "words": cause.removeprefix("data: ")}]
    none = results("three", (None, None, None))  # type: ignore[arg-type]
    row = as_text(compare_scores(before, none)).splitlines()[4]
    assert row.split()[4:9] == ["strict", "0.9", "--", "--", "--"]


def test_what_only_one_has_is_a_line() -> None:
    before = results("one", more=(("Large", 0, "PM"), ("Large", 0, "AP")))
    after = results("two", more=(("Small", 1, "PM"),))
    assert as_text(compare_scores(before, after)).splitlines() == [
        "A results/one, B results/two: 2 cells in both, none changed",
        f"only in A: 4 cells, first AP, {SETTING}, Large, 0, lenient",
        f"only in B: 2 cells, first PM, {SETTING}, Small, 1, lenient",
    ]
    assert status(before, after) == 3


def test_directories_that_cannot_be_compared_are_refused(tmp_path: Path) -> None:
    before, after = results("one"), results("two", more=(("Large", 0, "PM"),))
    assert status(before, tmp_path) == 1
    pd.read_parquet(scores := before / "scores.parquet").assign(seed=7).to_parquet(scores)
    with pytest.raises(InputError, match=r"scores\.parquet: altered"):
        compare_scores(before, after)
    manifest_of(scores).unlink()
    with pytest.raises(InputError, match="results/one and results/two: no model, seed, task"):
        compare_scores(before, after)


def test_code_is_named_by_definitions_versions_by_library_and_settings_by_key() -> None:
    for number in "12":
        write_json(Path(f"results/code/{number}.json"), {"ecslm.f1": {"_f1": number, "": "0"}})
    before, after = (
        results(name, (n, 0, 1), settings={"x": n}, code=f"code:{n}", versions={"numpy": f"2.{n}"})
        for name, n in (("one", 1), ("two", 2))
    )

    def causes() -> list[str]:
        (cell,) = compare_scores(before, after)["cells"]
        return [f"{one['kind']}: {one['words']}" for one in cell["causes"]]

    assert causes() == [
        "code: ecslm.f1: _f1 has changed",
        "settings: x: 1 -> 2",
        "versions: numpy: 2.1 -> 2.2",
        f"data: {PREDICTIONS} has changed",
    ]
    missing = manifest_of(after / METRICS.format("Small", 0, "PM"))
    missing.unlink()
    assert causes() == [f"unknown: no {missing}"]
