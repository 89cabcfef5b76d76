"""`make new`: a user's records or table in, a configuration that runs out."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas
import pytest
from support.scripts import run_script

from ecslm.plan.checks import check_named_files
from ecslm.plan.inputs import source_of
from ecslm.plan.study import Choice, Study

from .own_records import KINDS, Row, lines, row

ENOUGH = [row(number) for number in range(40)]
SPELT = [{**one, "output": one["output"].title()} for one in ENOUGH]


def begin(*options: str) -> str:
    """What is told of a study that was written."""
    ran = run_script("new_study.py", *options)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def begun(rows: Sequence[Row], name: str = "mine") -> str:
    Path(f"{name}.jsonl").write_text(lines(rows))
    return begin("--study", name)


def planned(study: str = "mine") -> Study:
    """The plan of the study that was written, which must pass the checks before a run."""
    plan = Choice([Path(f"{study}.yaml")]).read()
    check_named_files(plan)
    return plan


def refused(*options: str) -> str:
    """The lines of errors; nothing may have been written."""
    before = {path.name for path in Path().iterdir()}
    ran = run_script("new_study.py", *options)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert all(line.startswith("error: ") for line in ran.stderr.splitlines())
    assert {path.name for path in Path().iterdir()} - before <= {"results"}
    return ran.stderr


# Records


def test_two_hundred_yes_no_questions_become_a_study_that_tunes_and_tests() -> None:
    """Those that are there twice are left out, and counted."""
    told = begun([row(number % 200) for number in range(203)])
    assert "Left out, since an equal record comes before: 3." in told
    assert "answer   yes or no: 135 no, 68 yes" in told
    assert re.search(r"(\d+) of \1 test inputs are like a training input but for some", told)
    assert "a run can start: nothing is missing" in told
    assert "make reproduce CONFIGFILE=mine.yaml" in told
    plan = planned()
    models = ["SmolLM2-135M", "SmolLM2-135M-tuned", "TF-IDF", "Nearest"]
    assert list(plan.settings.models) == models
    assert plan.config.setting_titles["IND_Diverse_Instruction"] == "own records"
    divided = re.search(r"(\d+) for training, (\d+) for validation, (\d+) for testing", told)
    assert divided and sum(map(int, divided.groups())) == 200
    rows = Counter({part.split: part.rows for part in source_of(plan).rows.parts})
    found = dict(zip(("train", "val", "test"), map(int, divided.groups()), strict=True))
    assert (rows - Counter(found)).total() == 3
    text = Path("mine.yaml").read_text()
    assert max(map(len, text.splitlines())) <= 100
    assert text.count("#") > 25
    # Its last lines are comments that a person uncomments.
    before, costs = text.split("      # costs:")
    Path("mine.yaml").write_text(f"{before}      costs:{costs.replace('      # ', '      ')}")
    assert planned().settings.tables["costs"].hardware.price == 0.2


def test_each_kind_of_answer_is_found_and_scored_in_one_study() -> None:
    begun([make(number) for make in KINDS.values() for number in range(40)])
    study = planned()
    tasks = {code: study.task(code) for code in study.settings.tasks}
    assert {code: (task.answer, task.metric, task.input) for code, task in tasks.items()} == {
        "Fraud": ("yes_no", "binary_f1", "text"),
        "Case": ("choice", "macro_f1", "text"),
        "Where": ("choice", "accuracy", "text"),
        "Order": ("ranking", "ndcg", "object"),
        "Colours": ("extraction", "extraction_f1", "object"),
        "Reply": ("generation", "bert_f1", "text"),
        "PM": ("yes_no", "binary_f1", "object"),
    }


@pytest.mark.parametrize(
    ("splits", "words", "models"),
    [
        ("t" * 8 + "v" * 2 + "e" * 5, "8 for training, 2 for validation, 5 for testing", 4),
        ("eeeee", "so no model is tuned", 1),
    ],
)
def test_records_that_say_their_split_keep_it(splits: str, words: str, models: int) -> None:
    names = {"t": "train", "v": "val", "e": "test"}
    told = begun([row(number, split=names[split]) for number, split in enumerate(splits)])
    assert words in told
    assert planned().settings.data.split is None  # type: ignore[union-attr]
    assert len(planned().settings.models) == models


def test_records_of_another_domain_are_tested_in_a_table_of_their_own() -> None:
    settings = ("IND_Diverse_Instruction", "OOD_Diverse_Instruction")
    begun([row(number, setting=setting) for setting in settings for number in range(40)])
    study = planned()
    assert study.task("Fraud").ood
    tables = study.settings.tables
    assert [tables[name].columns for name in ("results", "results-2")] == [("Fraud",)] * 2  # type: ignore[union-attr]


# Names that cannot be those of a task's files, or are taken by tasks of the project.
CODES = {'Is it "fraud"? ja/nein: \u9000\u8d27': "Is_it_fraud_ja_nein", "pm": "pm_2"}
CODES |= {"Product Matching": "Product_Matching_2", "x.cost": "x_cost"}


def test_a_task_whose_name_cannot_be_that_of_its_files_gets_a_code() -> None:
    begun([row(number, task=name) for name in CODES for number in range(30)])
    assert {planned().task(code).title: code for code in planned().settings.tasks} == CODES


# Tables

TICKETS = [
    (f"Order {n}; \u00e9t\u00e9 {'abcdefgh'[n % 8] * 3}", ("Yes", "NO ", "no")[n % 3])
    for n in range(60)
]


YES_NO = "Is it? Answer yes or no."
ASKED = ("--input", "text", "--output", "urgent", "--question", "Is it?")


@pytest.mark.parametrize(
    ("name", "separator", "encoding"),
    [("a b.csv", ";", "cp1252"), ("a b.tsv", "\t", "utf-8-sig"), ("a b.csv", ",", "utf-8")],
)
def test_a_table_of_yes_and_no_becomes_records(name: str, separator: str, encoding: str) -> None:
    rows = [*TICKETS, ("", "yes"), ("No answer", "")]
    table = pandas.DataFrame(rows, columns=["text", "urgent"])
    table.to_csv(name, sep=separator, encoding=encoding, index=False)
    told = begin("--data", name, *ASKED)
    assert f"Made of {name}: 60 records in a_b-records.jsonl." in told
    assert "Left out: 2 rows without text or answer; first: line 62." in told
    right = "Read as Windows-1252, since it is not UTF-8; is it right? \u00e9t\u00e9"
    assert (right in told) == (encoding == "cp1252")
    assert "answer   yes or no: 40 no, 20 yes" in told
    first = json.loads(Path("a_b-records.jsonl").read_text().partition("\n")[0])
    assert first == row(0, task="urgent", instruction=YES_NO, input=TICKETS[0][0], output="yes")
    assert list(planned("a_b").settings.tasks) == ["urgent"]


def test_of_a_workbook_the_sheet_with_the_columns_is_read_below_its_title() -> None:
    days = [*map(pandas.Timestamp, ("2026-01-02", None, "2026-01-02 10:30"))] * 20
    cells = {"day": days, "code": [f"{n:03}" for n in range(60)], "n": [0, 1.5, None] * 20}
    answers = {"PM\n(yes)": [n % 3 == 0 for n in range(60)]}
    with pandas.ExcelWriter("book.xlsx") as book:
        pandas.DataFrame([["About", "us"]]).to_excel(book, sheet_name="About", header=False)
        pandas.DataFrame(cells | answers).to_excel(book, sheet_name="A, B", startrow=2, index=False)
        wider = cells | answers | {"more": days}
        pandas.DataFrame(wider).to_excel(book, sheet_name="Old", index=False)
        book.sheets["A, B"]["A1"] = "Tickets"
    asked = ("--input", "day, code,n", "--output", "PM (yes)", "--question", "Q?")
    told = begin("--data", "book.xlsx", *asked)
    assert "Made of book.xlsx: 60 records" in told
    assert "The columns are named in sheet A, B, row 3." in told
    found = [json.loads(line) for line in Path("book-records.jsonl").read_text().splitlines()]
    assert [(one["input"], one["output"]) for one in found[:3]] == [
        ("day: 2026-01-02\ncode: 000\nn: 0", "yes"),
        ("day: \ncode: 001\nn: 1.5", "no"),
        ("day: 2026-01-02 10:30:00\ncode: 002\nn: ", "no"),
    ]


def test_a_column_called_like_a_task_of_the_project_is_a_task_of_its_own() -> None:
    table = pandas.DataFrame(TICKETS, columns=["text", "PM"])
    table.to_csv("t.csv", index=False)
    begin("--data", "t.csv", "--input", "text", "--output", "PM", "--question", "Q?")
    assert planned("t").task("PM_2").input == "text"


def test_few_labels_become_options_whatever_their_case_and_columns_stand_together() -> None:
    labels = ("None", "Sports", "none", "Kitchen", "kitchen", "None")
    when = pandas.Timestamp("2026-01-02")
    rows = [(when, None if n == 3 else n, ["é"], labels[n % 6]) for n in range(60)]
    pandas.DataFrame(rows, columns=["t", "n", "l", "is"]).to_parquet("rows.parquet")
    told = begin("--data", "rows.parquet", "--input", "t,n,l", "--output", "is", "--question", "Q?")
    assert "30 B: None, 20 A: Kitchen, 10 C: Sports" in told
    found = [json.loads(line) for line in Path("rows-records.jsonl").read_text().splitlines()]
    assert found[0]["options"] == ["A: Kitchen", "B: None", "C: Sports"]
    assert found[0]["input"] == 't: 2026-01-02\nn: 0.0\nl: ["é"]'
    assert found[3]["input"] == 't: 2026-01-02\nn: \nl: ["é"]'
    assert (found[1]["output"], planned("rows").task("is").metric) == ("C", "macro_f1")


def test_answers_of_records_are_folded_too() -> None:
    told = begun(SPELT)
    assert "Made of mine.jsonl: 40 records in mine-records.jsonl" in told
    marks = ["T: it is true", "F: it is false"]
    begun([row(number, options=marks, output="TF"[number % 2]) for number in range(40)], "marks")
    assert planned("marks").config.tasks["Fraud"].answer == "choice"
    topics = ("price", "delivery", "service")
    begun([row(number, output=topics[number % 3]) for number in range(60)], "topics")
    assert planned("topics").config.tasks["Fraud"].answer == "choice"


# Refusals


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([*ENOUGH, row(40, output="maybe")], ["line 41: output: 'maybe'", "correct or remove"]),
        ([*SPELT, row(1, task=None)], ["line 41: no text of at most 80 ", "correct or remove"]),
        ([{"question": "x", "answer": "yes"}], ["line 1: has no task, instruction", "INPUT="]),
        ([{"Task": "x"} | row(1)], ["line 1: unknown column 'Task': did you mean `task`"]),
        ([row(1)] * 40, ["Fraud has 1 different record, too few", "at least 30"]),
        ([row(1, split="train"), row(2, split="test")], ["Fraud val: no usable rows of IND_"]),
        ([row(1, task="x" * 5000)], ["line 1: no text of at most 80 ch", "in task: 'xxx"]),
        ([], ["has no records", "INPUT="]),
    ],
)
def test_records_that_cannot_be_used_are_told_and_nothing_is_written(
    rows: list[Row], words: list[str]
) -> None:
    Path("mine.jsonl").write_text(lines(rows))
    told = refused("--study", "mine")
    assert all(word in told for word in words), told


DATA = ("--data", "t.csv")


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        ("", [], "DATA: missing: name your records, as in `make new DATA="),
        ("", ["--study", "my shop"], "STUDY: 'my shop' is taken, or cannot be"),
        ("", ["--study", "demo"], "STUDY: 'demo' is taken, or cannot be"),
        ("", ["--study", "mine"], "mine.jsonl: no such file: put your records there; then name"),
        ("", ["--study", "config", *DATA], "config.yaml: exists, and is not overwritten"),
        ("", ["--data", "t.xlsx", *ASKED], "t.xlsx: not a workbook (File is not a zip file)"),
        ("", ["--data", "t.xls", *ASKED], "t.xls: not one of .csv, .tsv, .txt, .xlsx, "),
        ("", ["--data", "t.parquet", *ASKED], "t.parquet: not Parquet ("),
        ("", [*DATA, *ASKED[:2]], "INPUT, OUTPUT, QUESTION: give all three"),
        ("", [*DATA, *ASKED], "t.csv: has no rows"),
        ("text,urgent\na,yes\n", DATA, "t.csv: is a table: name the columns of the text"),
        ("txt,urgent\na,yes\n", [*DATA, *ASKED], "has no column text: did you mean `txt`?"),
        ("text\na\n", [*DATA, *ASKED], "t.csv: has no column urgent"),
        ("text,urgent,text\na,yes,b\n", [*DATA, *ASKED], "t.csv: has several columns text: re"),
        ("text,urgent\na,yes\nb,c,no\n", [*DATA, *ASKED], "t.csv: line 3: has more cells than"),
        ('text,urgent\n"a,yes\nb,no\n', [*DATA, *ASKED], "t.csv: line 2: unexpected end of data"),
        ("text,urgent\na,yes\nb,yes\n", [*DATA, *ASKED], "urgent has no two different answers"),
        (b"text,urgent\n\x81\xfe,no", [*DATA, *ASKED], "neither UTF-8 nor Win"),
        ("\ufefftext".encode("utf-16"), [*DATA, *ASKED], "t.csv: is UTF-16 text: save it as UTF-8"),
    ],
)  # fmt: skip
def test_what_cannot_begin_is_one_line(
    content: str | bytes, options: Sequence[str], words: str
) -> None:
    Path("t.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    Path("t.xlsx").write_text("<html>")
    Path("t.xls").touch()
    Path("t.parquet").write_bytes(b"PAR1")
    told = refused(*options)
    assert (told.count("\n"), words in told) == (1, True), told
