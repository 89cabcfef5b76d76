"""The score scripts as a user runs them: outputs, messages, what they load."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support.imports import imported_modules
from support.scoring_examples import FIVE, IND, OOD, TASKS, bertscore, predictions, record
from support.scripts import run_script

from ecslm.common.errors import InputError
from ecslm.common.files import write_json, write_jsonl
from ecslm.common.hashing import sha256_of_file, sha256_of_text
from ecslm.schemas.prediction import Prediction, read_predictions


def settings(code: str) -> str:
    task = TASKS[code].model_dump(mode="json")
    return json.dumps({"task": task, "scoring": {"resamples": 50}})


def score(folder: Path, code: str, given: list, *more: object) -> subprocess.CompletedProcess[str]:
    write_jsonl(folder / "P.jsonl", given)
    return run_script(
        *("score.py", "--task", code, "--predictions", folder / "P.jsonl"),
        *("--output", folder / "M.json", "--settings", settings(code), *more),
    )


def problems(result: subprocess.CompletedProcess[str]) -> list[str]:
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    return result.stderr.splitlines()


def score_alone(folder: Path, given: list, *more: object) -> subprocess.CompletedProcess[str]:
    """Scored without files to write, without a task."""
    write_jsonl(folder / "P.jsonl", given)
    scoring = ("--settings", '{"scoring": {"resamples": 50}}')
    return run_script("score.py", "--predictions", folder / "P.jsonl", *scoring, *more)


def test_score_writes_metrics_and_outcomes_beside_them(tmp_path: Path) -> None:
    given = predictions("QPR", [("B,A", "SE"), ("", "ES")])
    result = score(tmp_path, "QPR", given, "--model", "M-EC", "--seed", 3)
    assert (result.returncode, result.stderr) == (0, "")
    metrics = json.loads((tmp_path / "M.json").read_text())
    assert (metrics["task"], metrics["model"], metrics["seed"]) == ("QPR", "M-EC", 3)
    assert metrics["settings"][IND]["n_invalid"] == 1
    outcomes = [json.loads(line) for line in (tmp_path / "M.records.jsonl").open()]
    assert outcomes[1] == {
        "id": "r1",
        "sample_id": "s1",
        "setting": IND,
        "invalid": True,
        "answer": sha256_of_text("")[:8],
        "gain": 0.0,
    }


def test_bad_predictions_get_one_line_each_and_no_output(tmp_path: Path) -> None:
    good = predictions("SA", [("A", "A")] * 6, FIVE)
    given = [
        good[0],
        good[0],
        good[1].model_copy(update={"options": None}),
        good[2].model_copy(update={"task": "PM"}),
        good[3].model_copy(update={"task": "PM"}),
        {**good[4].model_dump(), "prompt_tokens": "ten"},
        good[5].model_copy(update={"reference": "Z"}),
    ]
    lines = problems(score(tmp_path, "SA", given))
    fields = [line.split(": ")[2:4] for line in lines]
    assert all(line.startswith(f"error: {tmp_path / 'P.jsonl'}: line ") for line in lines)
    assert sorted(fields) == [
        ["line 2", "id"],
        ["line 3", "options"],
        ["line 4", "task"],
        ["line 5", "task"],
        ["line 6", "prompt_tokens"],
        ["line 7", "reference"],
    ]
    assert not (tmp_path / "M.json").exists()


def test_generation_is_scored_from_the_rows_of_bertscore(tmp_path: Path) -> None:
    given = predictions("AG", [("fine", "good")])
    (line,) = problems(score(tmp_path, "AG", given))
    assert f"python scripts/bertscore.py --predictions {tmp_path / 'P.jsonl'} " in line
    write_jsonl(tmp_path / "B.jsonl", [bertscore(given[0], 0.75)])
    assert score(tmp_path, "AG", given, "--bertscore", tmp_path / "B.jsonl").returncode == 0
    metrics = json.loads((tmp_path / "M.json").read_text())
    assert metrics["settings"][IND]["strict"]["value"] == 0.75


def test_bertscore_rows_must_be_those_of_the_predictions(tmp_path: Path) -> None:
    given = predictions("AG", [("fine", "good"), ("fine", "good")])
    rows = [bertscore(given[0], 0.75)]
    write_jsonl(tmp_path / "B.jsonl", rows)
    (line,) = problems(score(tmp_path, "AG", given, "--bertscore", tmp_path / "B.jsonl"))
    assert "no row for 1 prediction, the first is 'r1'" in line
    strange = rows[0].model_copy(update={"id": "x"})
    moved = bertscore(given[1], 0.5).model_copy(update={"setting": "OOD"})
    write_jsonl(tmp_path / "B.jsonl", [*rows, *rows, strange, moved])
    lines = problems(score(tmp_path, "AG", given, "--bertscore", tmp_path / "B.jsonl"))
    assert [line.split(": ")[2:4] for line in lines] == [
        ["line 2", "id"],
        ["line 3", "id"],
        ["line 4", "id"],
    ]


def test_without_output_the_summary_is_shown_and_nothing_is_written(tmp_path: Path) -> None:
    result = score_alone(tmp_path, predictions("PM", [("yes", "yes"), ("\x1b[2J perhaps", "no")]))
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("PM: F1\n")
    assert "1 (50.0 %)" in result.stdout
    assert "perhaps" not in result.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["P.jsonl"]


def test_invalid_answers_are_listed_after_the_summary(tmp_path: Path) -> None:
    given = predictions("PM", [("yes", "yes"), ("\x1b[2J perhaps", "no")])
    result = score_alone(tmp_path, given, "--show-invalid")
    summary, _, listed = result.stdout.partition("Answers that strict could not read: 1 of 2")
    assert summary.startswith("PM: F1\n")
    assert listed.split("\n")[3].split() == [IND, "r1", "'no'", "'\\x1b[2J", "perhaps'"]


def test_json_is_the_metrics_file_and_nothing_else(tmp_path: Path) -> None:
    given = predictions("SA", [("A", "A"), ("B", "A"), ("?", "C")], FIVE)
    output = tmp_path / "M.json"
    result = score_alone(tmp_path, given, "--json", "--model", "Modèle", "--output", output)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.encode() == output.read_bytes()
    assert score_alone(tmp_path, given, "--json", "--show-invalid").returncode == 1


def test_many_bad_lines_are_told_by_kind(tmp_path: Path) -> None:
    """A file of another form has the same problem on every line."""
    good = predictions("PM", [("yes", "yes")])[0]
    given = [
        good.model_copy(update={"id": f"r{i}", "sample_id": f"s{i}", "reference": f"it's {i}"})
        for i in range(1000)
    ]
    given += [{"id": f"s{i}"} for i in range(4)]
    where = f"error: {tmp_path / 'P.jsonl'}"
    lines = problems(score_alone(tmp_path, given))
    needed = "prediction, reference"
    others = ", ".join(name for name in Prediction.model_fields if name not in needed.split(", "))
    assert lines == [
        *(f"{where}: line {line}: {needed}: missing" for line in (1001, 1002, 1003)),
        f"{where}: 1 more line has the problem of line 1003",
        *(f'{where}: line {i + 1}: reference: "it\'s {i}" is neither yes nor no' for i in range(3)),
        f"{where}: 997 more lines have the problem of line 3",
        f"{where}: required fields: {needed}; optional fields: {others}; no others are allowed",
    ]


def score_own(folder: Path, rows: list, *more: object) -> subprocess.CompletedProcess[str]:
    """A file of the user's own, scored with every file written."""
    output = folder / "M.json"
    return score_alone(folder, rows, "--output", output, "--show-invalid", *more)


def outcomes_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "M.records.jsonl").open()]


def test_a_file_of_ones_own_needs_answers_and_references_alone(tmp_path: Path) -> None:
    rows = [{"prediction": "yes", "reference": "yes"}, {"prediction": "?", "reference": "no"}]
    result = score_own(tmp_path, rows, "--task", "PM")
    assert (result.returncode, result.stderr) == (0, "")
    assert [
        {name: row[name] for name in ("id", "sample_id", "setting", "invalid")}
        for row in outcomes_of(tmp_path)
    ] == [
        {"id": "1", "sample_id": "1", "setting": IND, "invalid": False},
        {"id": "2", "sample_id": "2", "setting": IND, "invalid": True},
    ]
    # What nobody knows is not told as none.
    metrics = json.loads((tmp_path / "M.json").read_text())
    assert metrics["settings"][IND]["n_truncated"] is None
    assert "1 (50.0 %)" in result.stdout
    assert "not known: no `finish_reason`" in result.stdout


def test_what_a_file_of_ones_own_says_counts(tmp_path: Path) -> None:
    answer = {"prediction": "yes", "reference": "yes"}
    rows = [
        {**answer, "id": "a", "finish_reason": "length"},
        {**answer, "id": "b", "sample_id": "c", "setting": OOD, "finish_reason": "stop"},
        {**answer, "setting": OOD, "finish_reason": "stop"},
    ]
    assert score_own(tmp_path, rows, "--task", "PM").returncode == 0
    names = [(row["id"], row["sample_id"], row["setting"]) for row in outcomes_of(tmp_path)]
    assert names == [("a", "a", IND), ("b", "c", OOD), ("3", "3", OOD)]
    found = json.loads((tmp_path / "M.json").read_text())["settings"]
    assert [found[setting]["n_truncated"] for setting in (IND, OOD)] == [1, 0]


def test_a_task_must_be_named_somewhere(tmp_path: Path) -> None:
    answer = {"prediction": "yes", "reference": "yes"}
    (line,) = problems(score_own(tmp_path, [{**answer, "task": "PM"}, answer, answer]))
    assert line == (
        f"error: {tmp_path / 'P.jsonl'}: line 2: task: missing: set it on each line, or give --task"
    )
    (line,) = problems(score_own(tmp_path, [answer, {**answer, "task": "AP"}], "--task", "PM"))
    assert line.endswith("line 2: task: is 'AP', but the task to score is 'PM'")


def test_a_study_reads_complete_predictions_alone(tmp_path: Path) -> None:
    (whole,) = predictions("PM", [("yes", "yes")])
    write_jsonl(tmp_path / "P.jsonl", [whole])
    assert read_predictions(tmp_path / "P.jsonl") == [whole]
    for field in Prediction.model_fields:
        rest = {name: value for name, value in whole.model_dump().items() if name != field}
        write_jsonl(tmp_path / "P.jsonl", [rest])
        with pytest.raises(InputError, match=f"line 1: {field}: missing"):
            read_predictions(tmp_path / "P.jsonl")


def test_predictions_of_the_dataset_file_are_scored(tmp_path: Path) -> None:
    records = [record("yes", id="r0", sample_id="s0"), record("no", id="r1", sample_id="s1")]
    # A file may hold the records of other tasks too.
    write_jsonl(tmp_path / "test.jsonl", [*records, record("A", id="x", task="SA")])
    given = predictions("PM", [("yes", "yes"), ("yes", "no")])
    more = ("--dataset", tmp_path / "test.jsonl", "--output", tmp_path / "M.json")
    assert score_alone(tmp_path, given, *more).returncode == 0
    manifest = json.loads((tmp_path / "M.manifest.json").read_text())
    assert set(manifest["inputs"]) == {str(tmp_path / name) for name in ("P.jsonl", "test.jsonl")}


def test_predictions_that_are_not_those_of_the_dataset_file_are_told(tmp_path: Path) -> None:
    write_jsonl(
        tmp_path / "test.jsonl",
        [record("yes", id=f"r{i}", sample_id=f"s{i}") for i in (*range(5), 20, 21)],
    )
    given = predictions("PM", [("yes", "yes")] * 9)
    changes = {
        1: {"reference": "no"},
        2: {"setting": "OOD"},
        3: {"options": ["A: one"] * 30, "relevance": ["E"]},
        4: {"sample_id": "other"},
    }
    given = [one.model_copy(update=changes.get(i, {})) for i, one in enumerate(given)]
    lines = problems(score_alone(tmp_path, given, "--dataset", tmp_path / "test.jsonl"))
    where, there = f"error: {tmp_path / 'P.jsonl'}: ", tmp_path / "test.jsonl"
    assert max(len(line) for line in lines) < 300 + 2 * len(str(tmp_path))
    assert sorted(line.removeprefix(where).split(", but")[0] for line in lines) == [
        "1 more line has the problem of line 8",
        "line 2: reference: 'no'",
        "line 3: setting: 'OOD'",
        "line 4: options: ['A: one', 'A: one', 'A: one', 'A: one', 'A: one', 'A: on...",
        "line 4: relevance: ['E']",
        "line 5: sample_id: 'other'",
        *(
            f"line {i + 1}: id: 'r{i}' is not a record of {there}: give the dataset file that was "
            "predicted"
            for i in (5, 6, 7)
        ),
        f"no prediction for 2 records of {there}, the first is 'r20' on line 6",
    ]
    (reference,) = (line for line in lines if "reference" in line)
    assert reference.endswith(f"but output is 'yes' in {there}: line 2")


def test_the_words_of_the_summary_are_not_in_the_code_of_the_scores() -> None:
    modules = imported_modules(
        "score.py", ("ecslm.scoring.answers.yes_no", "ecslm.scoring.metrics.binary_f1")
    )
    assert "ecslm.scoring.score" in modules
    assert not modules & {
        "ecslm.reports.score_summary",
        "ecslm.reports.plain_tables",
        "ecslm.tables",
    }


def baseline(folder: Path, name: str, code: str, *more: object) -> subprocess.CompletedProcess[str]:
    return run_script(
        *("score_baseline.py", "--baseline", name, "--task", code, "--output", folder / "M.json"),
        *("--test", folder / "test.jsonl", "--settings", settings(code), *more),
    )


def test_score_baseline_majority_and_random(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "test.jsonl", [record("yes", id="a"), record("no", id="b")])
    write_jsonl(tmp_path / "train.jsonl", [record("yes", id="c", split="train")])
    assert baseline(tmp_path, "majority", "PM", "--train", tmp_path / "train.jsonl").returncode == 0
    metrics = json.loads((tmp_path / "M.json").read_text())
    assert (metrics["model"], metrics["seed"]) == ("majority", 0)
    assert metrics["settings"][IND]["strict"]["value"] == pytest.approx(2 / 3)
    assert baseline(tmp_path, "random", "PM", "--records", tmp_path / "R.jsonl").returncode == 0
    metrics = json.loads((tmp_path / "M.json").read_text())
    assert metrics["settings"][IND]["strict"]["value"] == pytest.approx((1 + 2 / 3) / 4)
    assert json.loads((tmp_path / "R.jsonl").open().readline())["tp"] == 0.5


@pytest.mark.parametrize(
    ("name", "trained", "has_interval"),
    [("always-no", "yes", False), ("majority", "no", False), ("always-yes", "no", True)],
)
def test_a_rule_that_never_says_yes_has_an_f1_of_zero_without_an_interval(
    tmp_path: Path, name: str, trained: str, has_interval: bool
) -> None:
    write_jsonl(tmp_path / "test.jsonl", [record("yes", id="a"), record("no", id="b")])
    write_jsonl(tmp_path / "train.jsonl", [record(trained, id="c", split="train")])
    assert baseline(tmp_path, name, "PM", "--train", tmp_path / "train.jsonl").returncode == 0
    strict = json.loads((tmp_path / "M.json").read_text())["settings"][IND]["strict"]
    assert strict["value"] == pytest.approx(2 / 3 if has_interval else 0)
    assert [strict["ci95"] is None, strict["details"]["interval"] is None] == [not has_interval] * 2


def test_score_baseline_says_what_is_missing_or_does_not_apply(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "test.jsonl", [record("maybe")])
    assert "--train" in problems(baseline(tmp_path, "majority", "PM"))[0]
    assert (
        "not applicable to AG: it has no trivial baselines"
        in problems(baseline(tmp_path, "random", "AG"))[0]
    )
    (line,) = problems(baseline(tmp_path, "random", "PM"))
    assert line.startswith(f"error: {tmp_path / 'test.jsonl'}: line 1: output: ")


def test_bertscores_of_other_answers_are_refused(tmp_path: Path) -> None:
    given = predictions("AG", [("fine", "good")])
    write_jsonl(tmp_path / "B.jsonl", [bertscore(given[0], 0.75)])
    manifest = {"settings": {}, "code": None, "versions": {}, "inputs": {"P.jsonl": "0" * 64}}
    files = {"B.jsonl": sha256_of_file(tmp_path / "B.jsonl")}
    write_json(tmp_path / "B.manifest.json", manifest | {"files": files})
    (line,) = problems(score(tmp_path, "AG", given, "--bertscore", tmp_path / "B.jsonl"))
    assert line == (
        f"error: {tmp_path / 'B.jsonl'}: made from other predictions than {tmp_path / 'P.jsonl'}: "
        "run scripts/bertscore.py again"
    )
    files_now = {"P.jsonl": sha256_of_file(tmp_path / "P.jsonl")}
    write_json(tmp_path / "B.manifest.json", manifest | {"files": files, "inputs": files_now})
    assert score(tmp_path, "AG", given, "--bertscore", tmp_path / "B.jsonl").returncode == 0


def test_several_tasks_in_a_file_are_one_line(tmp_path: Path) -> None:
    given = predictions("PM", [("yes", "yes")] * 3)
    given[1] = given[1].model_copy(update={"task": "AP"})
    (line,) = problems(score_alone(tmp_path, given))
    assert line.startswith(f"error: {tmp_path / 'P.jsonl'}: line 2: task: ")
    assert "'PM' from line 1, 'AP' from line 2" in line
