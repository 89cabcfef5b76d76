"""The score scripts as a user runs them: outputs, messages, what they load."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from model_examples import run_here
from scoring_examples import FIVE, IND, TASKS, bertscore, predictions, record

from ecslm.files import write_jsonl

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


def run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPTS / script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def settings(code: str) -> str:
    task = TASKS[code].model_dump(mode="json")
    return json.dumps({"task": task, "scoring": {"resamples": 50}})


def score(folder: Path, code: str, given: list, *more: object) -> subprocess.CompletedProcess[str]:
    write_jsonl(folder / "P.jsonl", given)
    return run(
        *("score.py", "--task", code, "--predictions", folder / "P.jsonl"),
        *("--output", folder / "M.json", "--settings", settings(code), *more),
    )


def problems(result: subprocess.CompletedProcess[str]) -> list[str]:
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    return result.stderr.splitlines()


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
        "gain": 0.0,
    }


def test_the_same_predictions_give_the_same_bytes(tmp_path: Path) -> None:
    given = predictions("SA", [("A", "A"), ("B", "A"), ("?", "C")], FIVE)
    written = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        assert score(tmp_path / name, "SA", given).returncode == 0
        written.append([(tmp_path / name / f).read_bytes() for f in ("M.json", "M.records.jsonl")])
    assert written[0] == written[1]


def test_a_job_of_the_workflow_needs_the_locked_libraries_and_a_user_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job's scores would be recorded as made with versions that did not make them."""
    write_jsonl(tmp_path / "P.jsonl", predictions("PM", [("yes", "yes")]))
    arguments = [
        *("--task", "PM", "--predictions", tmp_path / "P.jsonl", "--output", tmp_path / "M.json"),
        *("--settings", settings("PM")),
    ]
    monkeypatch.setattr("ecslm.files.metadata.version", lambda _: "0.1")
    assert run_here(monkeypatch, "score.py", [*arguments, "--code", "code:1"]) == 1
    assert not (tmp_path / "M.json").exists()
    assert run_here(monkeypatch, "score.py", arguments) == 0
    manifest = json.loads((tmp_path / "M.manifest.json").read_text())
    assert set(manifest["versions"].values()) == {"0.1"}


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
        ["line 6", "prompt_tokens"],
        ["line 7", "reference"],
    ]
    assert not (tmp_path / "M.json").exists()


def test_a_ranking_without_relevance_is_named(tmp_path: Path) -> None:
    (given,) = predictions("QPR", [("A,B", "ES")])
    (line,) = problems(score(tmp_path, "QPR", [given.model_copy(update={"relevance": None})]))
    assert line.startswith(f"error: {tmp_path / 'P.jsonl'}: line 1: relevance: ")


def test_no_predictions_is_an_error(tmp_path: Path) -> None:
    assert problems(score(tmp_path, "PM", []))[0].endswith("P.jsonl: no predictions")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    result = run(
        *("score.py", "--task", "PM", "--predictions", tmp_path / "none.jsonl"),
        *("--output", tmp_path / "M.json", "--settings", settings("PM")),
    )
    assert problems(result) == [f"error: {tmp_path / 'none.jsonl'}: no such file"]


def test_an_unknown_setting_is_named(tmp_path: Path) -> None:
    result = run(
        *("score.py", "--task", "PM", "--predictions", tmp_path / "P.jsonl", "--output", "M.json"),
        *("--settings", '{"scoring": {"resample": 10}}'),
    )
    (line,) = problems(result)
    assert "scoring.resample" in line


def test_generation_without_bertscore_names_the_command_that_makes_it(tmp_path: Path) -> None:
    (line,) = problems(score(tmp_path, "AG", predictions("AG", [("fine", "good")])))
    assert (
        f"python scripts/bertscore.py --predictions {tmp_path / 'P.jsonl'} "
        "--encoder DIR/manifest.json --output B.jsonl" in line
    )


def test_generation_is_scored_from_its_rows(tmp_path: Path) -> None:
    given = predictions("AG", [("fine", "good")])
    write_jsonl(tmp_path / "B.jsonl", [bertscore(given[0], 0.75)])
    assert score(tmp_path, "AG", given, "--bertscore", tmp_path / "B.jsonl").returncode == 0
    metrics = json.loads((tmp_path / "M.json").read_text())
    assert metrics["settings"][IND]["strict"]["value"] == 0.75


def test_bertscore_rows_must_be_those_of_the_predictions(tmp_path: Path) -> None:
    given = predictions("AG", [("fine", "good"), ("fine", "good")])
    rows = [bertscore(given[0], 0.75)]
    write_jsonl(tmp_path / "B.jsonl", rows)
    (line,) = problems(score(tmp_path, "AG", given, "--bertscore", tmp_path / "B.jsonl"))
    assert "no row for 1 predictions, the first is 'r1'" in line
    strange = rows[0].model_copy(update={"id": "x"})
    moved = bertscore(given[1], 0.5).model_copy(update={"setting": "OOD"})
    write_jsonl(tmp_path / "B.jsonl", [*rows, *rows, strange, moved])
    lines = problems(score(tmp_path, "AG", given, "--bertscore", tmp_path / "B.jsonl"))
    assert [line.split(": ")[2:4] for line in lines] == [
        ["line 2", "id"],
        ["line 3", "id"],
        ["line 4", "setting"],
    ]


def test_bertscore_rows_are_refused_where_they_have_no_use(tmp_path: Path) -> None:
    given = predictions("PM", [("yes", "yes")])
    (line,) = problems(score(tmp_path, "PM", given, "--bertscore", tmp_path / "B.jsonl"))
    assert line.startswith("error: --bertscore: ")


def baseline(folder: Path, name: str, code: str, *more: object) -> subprocess.CompletedProcess[str]:
    return run(
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
    assert metrics["settings"][IND]["strict"]["value"] == pytest.approx(1 / 2)
    assert json.loads((tmp_path / "R.jsonl").open().readline())["tp"] == 0.5


def test_score_baseline_says_what_is_missing_or_does_not_apply(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "test.jsonl", [record("maybe")])
    assert "--train" in problems(baseline(tmp_path, "majority", "PM"))[0]
    assert "has these baselines: none" in problems(baseline(tmp_path, "random", "AG"))[0]
    (line,) = problems(baseline(tmp_path, "random", "PM"))
    assert line.startswith(f"error: {tmp_path / 'test.jsonl'}: line 1: output: ")


def test_scoring_one_task_loads_no_module_of_another_and_nothing_heavy(tmp_path: Path) -> None:
    given = predictions("MPC", [("A", "A")], FIVE)
    write_jsonl(tmp_path / "P.jsonl", given)
    code = (
        "import runpy, sys\n"
        f"sys.argv = ['score.py', '--task', 'MPC', '--predictions', {str(tmp_path / 'P.jsonl')!r},"
        f" '--output', {str(tmp_path / 'M.json')!r}, '--settings', {settings('MPC')!r}]\n"
        f"runpy.run_path({str(SCRIPTS / 'score.py')!r}, run_name='__main__')\n"
        "print('\\n'.join(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(SCRIPTS)},
    )
    loaded = set(result.stdout.split())
    own = {name for name in loaded if name.startswith(("ecslm.answers.", "ecslm.metrics."))}
    assert own == {
        "ecslm.answers.protocol",
        "ecslm.answers.choice",
        "ecslm.answers.letters",
        "ecslm.metrics.protocol",
        "ecslm.metrics.arithmetic",
        "ecslm.metrics.accuracy",
        "ecslm.metrics.classes",
        "ecslm.metrics.mean",
    }
    assert not loaded & {"torch", "pandas", "sklearn", "scipy", "transformers"}


def test_the_baseline_names_are_cheap_to_import() -> None:
    code = "import ecslm.baselines, sys; print('\\n'.join(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(SCRIPTS)},
    )
    assert "numpy" not in result.stdout.split()
