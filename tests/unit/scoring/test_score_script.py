"""The score scripts as a user runs them: outputs, messages, what they load."""

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from support.project import SCRIPTS
from support.scoring_examples import FIVE, IND, OOD, TASKS, bertscore, predictions, record
from support.scripts import run_script

from ecslm.common.files import write_json, write_jsonl
from ecslm.common.hashing import sha256_of_file, sha256_of_text
from ecslm.fingerprint.digest import code_of


def settings(code: str) -> str:
    task = TASKS[code].model_dump(mode="json")
    return json.dumps({"task": task, "scoring": {"resamples": 50}})


def score(folder: Path, given: list, *more: object) -> subprocess.CompletedProcess[str]:
    write_jsonl(folder / "P.jsonl", given)
    scoring = () if "--settings" in more else ("--settings", '{"scoring": {"resamples": 50}}')
    return run_script("score.py", "--predictions", folder / "P.jsonl", *scoring, *more)


def written(
    folder: Path, code: str, given: list, *more: object
) -> subprocess.CompletedProcess[str]:
    """Scored as a task, with files."""
    output = ("--output", folder / "M.json")
    return score(folder, given, "--task", code, "--settings", settings(code), *output, *more)


def metrics_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "M.json").read_text())
    return found


def outcomes_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "M.records.jsonl").open()]


def problems(result: subprocess.CompletedProcess[str]) -> list[str]:
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    return result.stderr.splitlines()


def places(lines: Iterable[str]) -> list[list[str]]:
    """Line and field of each problem."""
    return sorted(line.split(": ")[2:4] for line in lines)


def test_score_writes_metrics_and_outcomes_beside_them(tmp_path: Path) -> None:
    given = predictions("QPR", [("B,A", "SE"), ("", "ES")])
    result = written(tmp_path, "QPR", given, "--model", "M-EC", "--seed", 3)
    assert (result.returncode, result.stderr) == (0, "")
    metrics = metrics_of(tmp_path)
    assert (metrics["task"], metrics["model"], metrics["seed"]) == ("QPR", "M-EC", 3)
    assert metrics["settings"][IND]["n_invalid"] == 1
    assert outcomes_of(tmp_path)[1] == {
        **{"id": "r1", "sample_id": "s1", "setting": IND, "invalid": True},
        **{"answer": sha256_of_text("")[:8], "gain": 0.0},
    }


def test_bad_predictions_get_one_line_each_and_no_output(tmp_path: Path) -> None:
    good = predictions("SA", [("A", "A")] * 6, FIVE)
    changes = {"options": None}, {"task": "PM"}, {"task": "PM"}, {"prompt_tokens": "ten"}
    rest = zip(good[1:], (*changes, {"reference": "Z"}), strict=True)
    given = [good[0], good[0], *(one.model_dump() | own for one, own in rest), {"id": "x"}]
    *lines, hint = problems(written(tmp_path, "SA", given))
    assert "optional fields: id, sample_id, task, " in hint
    wrong = [["line 6", "prompt_tokens"], ["line 8", "prediction"], ["line 8", "reference"]]
    assert places(lines) == wrong
    lines = problems(written(tmp_path, "SA", [*given[:5], *given[6:7]]))
    fields = ("id", "options", "task", "task", "reference")
    assert places(lines) == [[f"line {line}", field] for line, field in enumerate(fields, 2)]
    assert not (tmp_path / "M.json").exists()


def test_generation_is_scored_from_the_rows_of_bertscore(tmp_path: Path) -> None:
    given = predictions("AG", [("fine", "good"), ("fine", "good")])
    first, second = (bertscore(one, 0.75) for one in given)

    def scored(*rows: Any) -> subprocess.CompletedProcess[str]:
        write_jsonl(tmp_path / "B.jsonl", rows)
        return written(tmp_path, "AG", given, "--bertscore", tmp_path / "B.jsonl")

    (line,) = problems(written(tmp_path, "AG", given))
    assert f"python scripts/bertscore.py --predictions {tmp_path / 'P.jsonl'} " in line
    assert scored(first, second).returncode == 0
    assert metrics_of(tmp_path)["settings"][IND]["strict"]["value"] == 0.75
    assert "no row for 1 prediction, the first is 'r1'" in problems(scored(first))[0]
    strange = first.model_copy(update={"id": "x"})
    moved = second.model_copy(update={"setting": "OOD"})
    lines = problems(scored(first, first, strange, moved))
    assert places(lines) == [[f"line {line}", "id"] for line in (2, 3, 4)]


def test_bertscores_of_other_answers_are_refused(tmp_path: Path) -> None:
    given = predictions("AG", [("fine", "good")])
    write_jsonl(tmp_path / "B.jsonl", [bertscore(given[0], 0.75)])
    manifest: dict[str, Any] = {"settings": {}, "code": None, "versions": {}}
    manifest["files"] = {"B.jsonl": sha256_of_file(tmp_path / "B.jsonl")}
    write_jsonl(tmp_path / "P.jsonl", given)
    for sha256, status in (("0" * 64, 1), (sha256_of_file(tmp_path / "P.jsonl"), 0)):
        write_json(tmp_path / "B.manifest.json", manifest | {"inputs": {"P.jsonl": sha256}})
        result = written(tmp_path, "AG", given, "--bertscore", tmp_path / "B.jsonl")
        assert result.returncode == status
        assert ("made from other predictions than" in result.stderr) == bool(status)


def test_without_output_the_summary_and_invalid_answers_are_shown_and_nothing_is_written(
    tmp_path: Path,
) -> None:
    given = predictions("PM", [("yes", "yes"), ("\x1b[2J perhaps", "no")])
    result = score(tmp_path, given)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("PM: F1\n")
    assert "1 (50.0 %)" in result.stdout
    assert "perhaps" not in result.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["P.jsonl"]
    shown = score(tmp_path, given, "--show-invalid").stdout
    summary, _, listed = shown.partition("Answers that strict could not read: 1 of 2")
    assert result.stdout.strip() == summary.strip()
    assert listed.split("\n")[3].split() == [IND, "r1", "'no'", "'\\x1b[2J", "perhaps'"]


def test_json_is_the_metrics_file_and_nothing_else(tmp_path: Path) -> None:
    given = predictions("SA", [("A", "A"), ("B", "A"), ("?", "C")], FIVE)
    output = tmp_path / "M.json"
    result = score(tmp_path, given, "--json", "--model", "Modèle", "--output", output)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.encode() == output.read_bytes()
    assert score(tmp_path, given, "--json", "--show-invalid").returncode == 1


def test_a_file_of_ones_own_needs_answers_and_references_alone_and_what_it_says_counts(
    tmp_path: Path,
) -> None:
    answer = {"prediction": "yes", "reference": "yes"}
    result = written(tmp_path, "PM", [answer, answer | {"prediction": "?"}])
    assert (result.returncode, result.stderr) == (0, "")
    names = ("id", "sample_id", "setting", "invalid")
    assert [[row[name] for name in names] for row in outcomes_of(tmp_path)] == [
        ["1", "1", IND, False],
        ["2", "2", IND, True],
    ]
    # What nobody knows is not told as none.
    assert metrics_of(tmp_path)["settings"][IND]["n_truncated"] is None
    assert "not known: no `finish_reason`" in result.stdout
    ood = answer | {"setting": OOD, "finish_reason": "stop"}
    rows = [answer | {"id": "a", "finish_reason": "length"}, ood | {"id": "b", "sample_id": "c"}]
    rows.append(ood)
    assert written(tmp_path, "PM", rows).returncode == 0
    assert [[row[name] for name in names[:3]] for row in outcomes_of(tmp_path)] == [
        ["a", "a", IND],
        ["b", "c", OOD],
        ["3", "3", OOD],
    ]
    found = metrics_of(tmp_path)["settings"]
    assert [found[setting]["n_truncated"] for setting in (IND, OOD)] == [1, 0]


@pytest.mark.parametrize(
    ("tasks", "more", "problem"),
    [
        (["PM", None, None], (), "line 2: task: missing: set it on each line, or give --task"),
        ([None, "AP"], ("--task", "PM"), "line 2: task: is 'AP', but the task to score is 'PM'"),
        (["PM", "AP", "PM"], (), "line 2: task: is 'AP', but the task to score is 'PM'"),
    ],
)
def test_a_file_has_one_task_that_is_named_somewhere(
    tmp_path: Path, tasks: list[str | None], more: tuple[str, ...], problem: str
) -> None:
    rows = [{"prediction": "yes", "reference": "yes", "task": task} for task in tasks]
    (line,) = problems(score(tmp_path, rows, *more))
    assert line.startswith(f"error: {tmp_path / 'P.jsonl'}: {problem}")


def test_predictions_of_the_dataset_file_are_scored_and_others_told(tmp_path: Path) -> None:
    test = tmp_path / "test.jsonl"
    records = [record("yes", id=f"r{i}", sample_id=f"s{i}") for i in (*range(5), 20, 21)]
    # A file may hold the records of other tasks too.
    write_jsonl(test, [*records[:2], record("A", id="x", task="SA")])
    given = predictions("PM", [("yes", "yes")] * 9)
    more = ("--dataset", test)
    assert score(tmp_path, given[:2], *more, "--output", tmp_path / "M.json").returncode == 0
    manifest = json.loads((tmp_path / "M.manifest.json").read_text())
    assert set(manifest["inputs"]) == {str(tmp_path / "P.jsonl"), str(test)}
    write_jsonl(test, records)
    changes = {"reference": "no", "setting": "OOD", "options": ["A: one"], "relevance": ["E"]}
    changes |= {"sample_id": "other"}
    given[1] = given[1].model_copy(update=changes)
    lines = problems(score(tmp_path, given, *more))
    unknown = f"is not a record of {test}: give the dataset file that was predicted"
    assert [line for line in lines if line.endswith(unknown)] == [
        f"error: {tmp_path / 'P.jsonl'}: line {i + 1}: id: 'r{i}' {unknown}" for i in (5, 6, 7, 8)
    ]
    assert places(line for line in lines if ", but" in line) == [
        ["line 2", field] for field in sorted(changes)
    ]
    assert any(line.endswith(f"but output is 'yes' in {test}: line 2") for line in lines)
    missing = f"no prediction for 2 records of {test}, the first is 'r20' on line 6"
    assert sum(line.endswith(missing) for line in lines) == 1


def test_the_words_of_the_summary_are_not_in_the_code_of_the_scores() -> None:
    loaded = ("ecslm.scoring.metrics.binary_f1",)
    modules = {node.module for node in code_of(SCRIPTS).reached("score.py", loaded)}
    assert "ecslm.scoring.score" in modules
    shown = ("reports.score_summary", "reports.words", "tables")
    assert modules.isdisjoint(f"ecslm.{name}" for name in shown)


def baseline(
    folder: Path, name: str, code: str = "PM", trained: str = "yes", *more: object
) -> subprocess.CompletedProcess[str]:
    write_jsonl(folder / "train.jsonl", [record(trained, id="c", split="train")])
    return run_script(
        *("score_baseline.py", "--baseline", name, "--task", code, "--output", folder / "M.json"),
        *("--test", folder / "test.jsonl", "--settings", settings(code), *more),
        *(() if more else ("--train", folder / "train.jsonl")),
    )


@pytest.mark.parametrize(
    ("name", "trained", "value", "has_interval"),
    [
        # A rule that never says yes has an F1 of 0 with certainty.
        ("always-no", "yes", 0, False),
        ("majority", "no", 0, False),
        ("majority", "yes", 2 / 3, True),
        ("always-yes", "no", 2 / 3, True),
        ("random", "no", (1 + 2 / 3) / 4, False),
    ],
)
def test_score_baseline(
    tmp_path: Path, name: str, trained: str, value: float, has_interval: bool
) -> None:
    write_jsonl(tmp_path / "test.jsonl", [record("yes", id="a"), record("no", id="b")])
    assert baseline(tmp_path, name, "PM", trained).returncode == 0
    metrics = metrics_of(tmp_path)
    assert (metrics["model"], metrics["seed"]) == (name, 0)
    strict = metrics["settings"][IND]["strict"]
    assert strict["value"] == pytest.approx(value)
    assert [strict["ci95"] is None, strict["details"]["interval"] is None] == [not has_interval] * 2
    if name == "random":
        assert outcomes_of(tmp_path)[0]["tp"] == 0.5


def test_score_baseline_says_what_is_missing_or_does_not_apply(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "test.jsonl", [record("maybe")])
    without = ("--records", tmp_path / "R.jsonl")
    assert "--train" in problems(baseline(tmp_path, "majority", "PM", "yes", *without))[0]
    (line,) = problems(baseline(tmp_path, "random", "AG"))
    assert "not applicable to AG: it has no trivial baselines" in line
    (line,) = problems(baseline(tmp_path, "random"))
    assert line.startswith(f"error: {tmp_path / 'test.jsonl'}: line 1: output: ")
