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

from ecslm.common.errors import InputError
from ecslm.common.files import write_json, write_jsonl
from ecslm.common.hashing import sha256_of_file, sha256_of_text
from ecslm.fingerprint.digest import code_of
from ecslm.schemas.task import registered_kind


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
    good = predictions("SA", [("A", "A")] * 5, FIVE)
    changes = {"options": None}, {"task": "PM"}, {"prompt_tokens": "ten"}, {"reference": "Z"}
    rest = [one.model_dump() | own for one, own in zip(good[1:], changes, strict=True)]
    *lines, hint = problems(written(tmp_path, "SA", [good[0], good[0], *rest, {"id": "x"}]))
    assert "required fields: prediction, reference" in hint
    wrong = [["line 5", "prompt_tokens"], ["line 7", "prediction"], ["line 7", "reference"]]
    assert places(lines) == wrong
    given = [good[0], good[0], *rest[:2], rest[3]]
    lines = problems(written(tmp_path, "SA", given))
    assert all(line.startswith(f"error: {tmp_path / 'P.jsonl'}: line ") for line in lines)
    fields = ("id", "options", "task", "reference")
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
    for other in ({"id": "r0"}, {"setting": "OOD"}):
        (line,) = problems(scored(first, second.model_copy(update=other)))
        assert "B.jsonl: made from other predictions than" in line
    assert "f1: should be " in scored(first, second.model_copy(update={"f1": 57.1})).stderr
    manifest: dict[str, Any] = {"settings": {}, "code": None, "versions": {}}
    scored(first, second)
    manifest["files"] = {"B.jsonl": sha256_of_file(tmp_path / "B.jsonl")}
    for sha256, status in (("0" * 64, 1), (sha256_of_file(tmp_path / "P.jsonl"), 0)):
        write_json(tmp_path / "B.manifest.json", manifest | {"inputs": {"P.jsonl": sha256}})
        assert scored(first, second).returncode == status


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
    ood = {"setting": OOD, "finish_reason": "stop", "id": "b", "sample_id": "c"}
    assert (
        written(tmp_path, "PM", [answer | {"finish_reason": "length"}, answer | ood]).returncode
        == 0
    )
    assert [[row[name] for name in names[:3]] for row in outcomes_of(tmp_path)] == [
        ["1", "1", IND],
        ["b", "c", OOD],
    ]
    found = metrics_of(tmp_path)["settings"]
    assert [found[setting]["n_truncated"] for setting in (IND, OOD)] == [1, 0]


def test_predictions_of_the_dataset_file_are_scored_and_others_told(tmp_path: Path) -> None:
    test = tmp_path / "test.jsonl"
    # A file may hold the records of other tasks too.
    records = [record("yes", id=f"r{i}", sample_id=f"s{i}") for i in range(3)]
    write_jsonl(test, [*records[:2], record("A", id="x", task="SA")])
    given = predictions("PM", [("yes", "yes")] * 4)
    more = ("--dataset", test)
    assert score(tmp_path, given[:2], *more, "--output", tmp_path / "M.json").returncode == 0
    manifest = json.loads((tmp_path / "M.manifest.json").read_text())
    assert set(manifest["inputs"]) == {str(tmp_path / "P.jsonl"), str(test)}
    write_jsonl(test, records)
    (line,) = problems(score(tmp_path, given[:2], *more))
    assert line.endswith(f"no prediction for 1 record of {test}, the first is 'r2'")
    changes = {"reference": "no", "setting": "OOD", "options": ["A: one"], "relevance": ["E"]}
    changes |= {"sample_id": "other"}
    given[1] = given[1].model_copy(update=changes)
    *lines, unknown = problems(score(tmp_path, given, *more))
    assert places(lines) == [["line 2", field] for field in sorted(changes)]
    assert f"line 2: reference: 'no', but 'yes' in {test}" in " ".join(lines)
    assert f"line 4: id: 'r3' is not a record of {test}: " in unknown


def test_the_words_of_the_summary_are_not_in_the_code_of_the_scores() -> None:
    loaded = ("ecslm.scoring.metrics.binary_f1",)
    modules = {node.module for node in code_of(SCRIPTS).reached("score.py", loaded)}
    assert "ecslm.scoring.score" in modules
    shown = ("reports.summaries", "reports.words", "tables")
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
    assert "not applicable to AG, which has: none" in line
    (line,) = problems(baseline(tmp_path, "random"))
    assert line.startswith(f"error: {tmp_path / 'test.jsonl'}: line 1: output: ")


@pytest.mark.parametrize("text", ["tasks: [", "study: demo", "tasks"])
def test_a_registry_of_tasks_that_cannot_be_read_is_told(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.yaml").write_text(text)
    monkeypatch.setattr("ecslm.schemas.task.CONFIG_FILE", tmp_path / "config.yaml")
    with pytest.raises(InputError, match=r"config.yaml: not YAML, or without `tasks`"):
        registered_kind("PM")
