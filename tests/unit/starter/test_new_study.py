"""`make new`: a user's records in, a configuration that runs out."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from support.scripts import run_script

from ecslm.plan.checks import check_named_files
from ecslm.plan.source import source_of
from ecslm.plan.study import Study

from .own_records import KINDS, Row, lines, row


def begin(desk: Path, rows: list[Row] | str, study: str = "mine"):  # type: ignore[no-untyped-def]
    (desk / f"{study}.jsonl").write_text(rows if isinstance(rows, str) else lines(rows))
    return run_script("new_study.py", "--study", study)


def planned(study: str = "mine") -> Study:
    """The plan of the study that was written, which must pass the checks before a run."""
    plan = Study.read([Path(f"{study}.yaml")], None)
    check_named_files(plan)
    return plan


def refused(desk: Path, rows: list[Row] | str) -> list[str]:
    """The lines of errors; nothing may have been written."""
    before = {path.name for path in desk.iterdir()}
    ran = begin(desk, rows)
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
    assert {path.name for path in desk.iterdir()} - before <= {"mine.jsonl", "results"}
    *_, last = ran.stderr.splitlines()
    assert last.startswith("error: ")
    return [line for line in ran.stderr.splitlines() if line.startswith("error: ")]


def test_two_hundred_yes_no_questions_become_a_study_that_tunes_and_tests(desk: Path) -> None:
    ran = begin(desk, [row(number) for number in range(200)])
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "answer   yes or no: 133 no, 67 yes" in ran.stdout
    assert "a run can start: nothing is missing" in ran.stdout
    assert "make reproduce CONFIGFILE=mine.yaml" in ran.stdout
    plan = planned()
    study = plan.settings
    assert list(study.models) == ["SmolLM2-135M", "SmolLM2-135M-tuned", "TF-IDF", "Nearest"]
    assert plan.config.setting_titles["IND_Diverse_Instruction"] == "own records"
    assert study.data.split.test == 0.3  # type: ignore[union-attr]
    parts = {part.split: part.rows for part in source_of(plan).rows.parts}  # type: ignore[union-attr]
    assert sum(parts.values()) == 200
    assert f"{parts['train']} for training, {parts['val']} for validation" in ran.stdout


FOUND = {
    "Fraud": ("yes_no", "binary_f1", "text"),
    "Case": ("choice", "macro_f1", "text"),
    "Where": ("choice", "accuracy", "text"),
    "Order": ("ranking", "ndcg", "object"),
    "Colours": ("extraction", "extraction_f1", "object"),
    "Reply": ("generation", "bert_f1", "text"),
    "PM": ("yes_no", "binary_f1", "text"),
}


def test_each_kind_of_answer_is_found_and_scored_in_one_study(desk: Path) -> None:
    ran = begin(desk, [make(number) for make in KINDS.values() for number in range(40)])
    assert ran.returncode == 0, ran.stdout + ran.stderr
    study = planned()
    tasks = {code: study.task(code) for code in study.settings.tasks}
    found = {code: (task.answer, task.metric, task.input) for code, task in tasks.items()}
    assert found == FOUND


def test_a_few_short_texts_might_be_options_and_the_note_says_how(desk: Path) -> None:
    topics = ("price", "delivery", "service")
    ran = begin(desk, [row(number, output=topics[number % 3]) for number in range(60)])
    assert "only 3 different answers" in ran.stdout
    (form,) = [line for line in ran.stdout.splitlines() if line.strip().startswith('"options"')]
    new = json.loads(f"{{{form}}}")
    assert new == {"options": ["A: delivery", "B: price", "C: service"], "output": "A"}
    (desk / "mine.yaml").unlink()
    chosen = [row(number, **new | {"output": "ABC"[number % 3]}) for number in range(60)]
    again = begin(desk, chosen)
    assert "different answers" not in again.stdout
    assert planned().config.tasks["Fraud"].answer == "choice"


def test_records_that_say_their_split_keep_it(desk: Path) -> None:
    splits = ["train"] * 8 + ["val"] * 2 + ["test"] * 5
    ran = begin(desk, [row(number, split=split) for number, split in enumerate(splits)])
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "records  8 for training, 2 for validation, 5 for testing" in ran.stdout
    assert planned().settings.data.split is None  # type: ignore[union-attr]


def test_records_that_are_there_twice_are_left_out_and_counted(desk: Path) -> None:
    ran = begin(desk, [row(number % 40) for number in range(43)])
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Left out, since an equal record comes before: 3." in ran.stdout
    assert planned().settings.data.tolerate == ("duplicate_record",)


def test_records_for_tests_alone_tune_nothing(desk: Path) -> None:
    ran = begin(desk, [row(number, split="test") for number in range(5)])
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "so no model is tuned" in ran.stdout
    assert list(planned().settings.models) == ["SmolLM2-135M"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ('Is it "fraud"? ja/nein: \u9000\u8d27', "Is_it_fraud_ja_nein"),
        ("pm", "pm_2"),
        ("x.cost", "x_cost"),
    ],
)
def test_a_task_whose_name_cannot_be_that_of_its_files_gets_a_code(
    name: str, expected: str, desk: Path
) -> None:
    ran = begin(desk, [row(number, task=name) for number in range(40)])
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (code,) = planned().settings.tasks
    assert code == expected
    assert planned().task(code).title == name


ENOUGH = [row(number) for number in range(40)]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (
            [*ENOUGH, row(40, output="maybe")],
            ["mine.jsonl: line 41: output: 'maybe'", "correct or remove"],
        ),
        ([{"question": "x", "answer": "yes"}], ["line 1: has no task, instruction", '{"task":']),
        ([{"Task": "x"} | row(1)], ["line 1: unknown column 'Task': did you mean `task`"]),
        ([row(1)], ["Fraud has 1 record, too few", "at least 30"]),
        ([row(1, split="train"), row(2, split="test")], ["none for validation", '"split": "val"']),
        ([row(n, task=f"T{n}") for n in range(40)], ["more than 30 different values of `task`"]),
        ("", ["has no records", '{"task":']),
        ("{not json}\n", ["mine.jsonl: line 1: not JSON"]),
    ],
)
def test_records_that_cannot_be_used_are_told_and_nothing_is_written(
    rows: list[Row] | str, words: list[str], desk: Path
) -> None:
    told = "\n".join(refused(desk, rows))
    for word in words:
        assert word in told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "STUDY: missing: name the study, as in `make new STUDY=mine`"),
        (["--study", "my shop"], "STUDY: 'my shop' cannot be the name of a study"),
        (["--study", "mine", "--data", "records.xlsx"], "is a spreadsheet: save it as CSV"),
        (["--study", "demo"], "STUDY: demo is taken by this project"),
        (["--study", "mine"], "mine.jsonl: no such file: put your records there, or name"),
        (["--study", "mine", "--data", "records.csv"], "records.csv: is a table: convert it by"),
        (["--study", "config", "--data", "records.csv"], "config.yaml: exists, and is not over"),
    ],
)
def test_what_cannot_begin_is_one_line(arguments: list[str], words: str, desk: Path) -> None:
    (desk / "records.csv").write_text("task,output\nFraud,yes\n")
    (desk / "records.xlsx").touch()
    ran = run_script("new_study.py", *arguments)
    assert ran.returncode == 1
    assert not ran.stdout
    (line,) = ran.stderr.splitlines()
    assert line.startswith("error: ")
    assert words in line


@pytest.mark.parametrize(("name", "separator"), [("a b.csv", ";"), ("a b.tsv", "\t")])
def test_the_command_that_converts_a_table_makes_records(
    name: str, separator: str, desk: Path
) -> None:
    table = desk / name
    columns = ("task", "instruction", "input", "output", "price")
    cells = ("Fraud", "Is it?", '"a, b; c"', "yes", "1")
    table.write_text(f"{separator.join(columns)}\n{separator.join(cells)}\n")
    ran = run_script("new_study.py", "--study", "mine", "--data", table.name)
    command = shlex.split(ran.stderr.partition("convert it by ")[2])
    assert command[0] == ".venv/bin/python"
    subprocess.run([sys.executable, *command[1:]], check=True)
    ran = run_script("new_study.py", "--study", "mine", "--data", "a b.jsonl")
    assert "Fraud has 1 record, too few" in ran.stderr


def test_a_file_that_exists_keeps_its_content(desk: Path) -> None:
    (desk / "mine.yaml").write_text("mine")
    assert "mine.yaml: exists" in begin(desk, ENOUGH).stderr
    assert (desk / "mine.yaml").read_text() == "mine"


def test_the_file_explains_its_settings_in_lines_that_a_screen_shows(desk: Path) -> None:
    begin(desk, ENOUGH)
    text = (desk / "mine.yaml").read_text()
    assert max(map(len, text.splitlines())) <= 100
    assert text.count("#") > 25
