"""Broken data of one's own: each file is refused with a line that names it, the place and the fix.

`why.py` makes the checks of a run, so nothing is computed from what cannot be used.
"""

import gzip
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from support.broken_inputs import Run, refused
from support.scratch import snakemake
from support.scripts import run_script

from ecslm.common.errors import InputError
from ecslm.data.problems import Problems
from ecslm.data.sources.reading import read_rows

FILE = "mine.yaml"
ROWS = "rows.jsonl"
LABELS = "labels.json"
IND = "IND_Diverse_Instruction"

Row = dict[str, Any]
Content = str | bytes


def study(task: str, data: Mapping[str, Any]) -> Row:
    """A configuration of a study of one task, which only asks an untuned model."""
    return {
        "study": "mine",
        "tasks": {task: {"train": False}},
        "studies": {
            "mine": {
                "title": "Mine",
                "device": "cpu",
                "published_comparable": False,
                "data": {"source": "path", "path": ROWS} | data,
                "tasks": [task],
                "train_setting": IND,
                "settings": [IND],
                "models": {"Small": {"base": "SmolLM2-135M", "template": "chatml"}},
                "bertscore": {"encoder": "MiniLM-L6", "layer": 5, "rescale_language": None},
            }
        },
    }


def matching(number: int = 0, **changes: Any) -> Row:
    """A row of Product Matching; a change to `...` leaves a column out."""
    products = {"product 1": f"lamp {number}", "product 2": "lamp"}
    row = {"task": "PM", "instruction": "Same?", "input": json.dumps(products), "output": "yes"}
    return {name: value for name, value in (row | changes).items() if value is not ...}


def ranking(output: str = "B,A", products: int = 2) -> Row:
    """A row of Query Product Ranking."""
    listed = [f"{chr(65 + number)}: lamp" for number in range(products)]
    text = json.dumps({"query": "lamp", "product list": listed})
    return {"task": "QPR", "instruction": "Rank them.", "input": text, "output": output}


def lines(*rows: Row) -> str:
    """JSON Lines."""
    return "".join(json.dumps(row) + "\n" for row in rows)


GOOD = lines(matching(1), matching(2, output="no"))


@dataclass(frozen=True)
class Case:
    """Files, and the words by which they are refused."""

    sentence: str
    files: Mapping[str, Content]
    words: Sequence[str]
    problems: int = 1
    task: str = "PM"
    data: Mapping[str, Any] = field(default_factory=dict)


def of_file(sentence: str, content: Content, *words: str, problems: int = 1) -> Case:
    """A case of a file that cannot be read as rows."""
    return Case(sentence, {ROWS: content}, words, problems)


# What follows the problems of rows of which none is left, and of rows that some other one spares.
NONE_LEFT = "PM test: no rows of IND_Diverse_Instruction under the names PM, Product_Matching"


def of_row(sentence: str, row: Row, kind: str, *words: str, task: str = "PM") -> Case:
    """A case of one row among good ones: two lines, of which the last says how to drop it."""
    good = matching(1) if task == "PM" else ranking("A,B")
    last = f"1 row cannot be used: fix the data, or drop and count them with `tolerate: [{kind}]`"
    content = lines(good, row)
    return Case(sentence, {ROWS: content}, [f"{ROWS}: line 2: ", *words, last], 2, task)


def of_task(sentence: str, task: str, row: Row, kind: str, *words: str) -> Case:
    """A case of the only row of a task."""
    last = f"`tolerate: [{kind}]`"
    whole = {"task": task, "instruction": "Do it.", "input": "text"} | row
    files = {ROWS: lines(whole)}
    return Case(sentence, files, [f"{ROWS}: line 1: ", *words, last], 2, task)


def of_labels(
    sentence: str, content: Content, *words: str, rows: str = lines(ranking()), problems: int = 1
) -> Case:
    """A case of a file of labels."""
    files = {ROWS: rows, LABELS: content}
    return Case(sentence, files, words, problems, "QPR", {"labels": {"path": LABELS}})


def parquet(rows: Sequence[Row]) -> bytes:
    """A Parquet file."""
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows)), buffer)
    return buffer.getvalue()


WHOLE_FILES = (
    Case("no file", {}, [f"{ROWS}: no such file: fix `data` of the study"]),
    of_file("an empty file", "", f"{ROWS}: has no rows"),
    of_file("a file packed by gzip", gzip.compress(GOOD.encode()), "compressed with gzip: unpack"),
    of_file("text in UTF-16", GOOD.encode("utf-16"), "is UTF-16 text: save it as UTF-8"),
    of_file(
        "text in Latin-1",
        lines(matching(1)).replace("Same", "Même").encode("latin-1"),
        f"{ROWS}: line 1: not UTF-8 text",
        NONE_LEFT,
        problems=3,
    ),
    of_file("a Parquet file that is cut off", parquet([matching()])[:-9], "not Parquet"),
    of_file(
        "a table for a spreadsheet",
        "task,instruction,input,output\n",
        f"{ROWS}: looks like CSV: save it as JSON Lines, as pandas does by `to_json(path, ",
    ),
    of_file(
        "one object with all rows",
        json.dumps({"rows": [matching()]}),
        f"{ROWS}: line 1: no text in task",
        problems=3,
    ),
    Case(
        "a folder with a file in another format beside",
        {"data/a.jsonl": GOOD, "data/b.csv": "task\n"},
        ["data/b.csv: not one of .json, .jsonl, .parquet: save it as one of them"],
        data={"path": "data"},
    ),
    Case(
        "only rows of another setting",
        {ROWS: lines(matching(setting="OOD_Diverse_Instruction", split="test"))},
        [f"{NONE_LEFT}: fix `tasks`, `settings` or the data"],
    ),
    Case(
        "only rows that are dropped",
        {ROWS: lines(matching(1, output="?"), matching(2, output=""))},
        ["PM test: 2 rows of", "`tolerate` drops them all: fix the data"],
        data={"tolerate": ["bad_output", "empty_field"]},
    ),
)

ROW_CASES = (
    of_row("an output in capitals", matching(output="Yes"), "bad_output", "'Yes' is neither yes"),
    of_row("an output that is a truth value", matching(output=True), "missing_field", "output"),
    of_row("an input that is no JSON", matching(input="lamp"), "bad_input", "input: not JSON"),
    of_row("a task that there is not", matching(task="Product_Match"), "unknown_task", "did you"),
    of_row("a row that is there already", matching(1), "duplicate_record", "an earlier row"),
    of_row("a product too few", ranking("A,B,C"), "answer_not_in_options", "ranks 3", task="QPR"),
    of_task(
        "an output that is no option",
        "SA",
        {"output": "C", "options": '["A: good", "B: bad"]'},
        "answer_not_in_options",
        "'C' is neither an option",
    ),
)

LINE_CASES = (
    Case(
        "a line that is cut off",
        {ROWS: GOOD[:-20]},
        [f"{ROWS}: line 2: not JSON", "is the file truncated?", "`tolerate: [unreadable_row]`"],
        2,
    ),
    Case(
        "a key twice in a row",
        {ROWS: GOOD + '{"task": "PM", "task": "SA"}\n'},
        [f"{ROWS}: line 3: not JSON (a duplicate key in an object)"],
        2,
    ),
    Case(
        "more than five of one kind",
        {ROWS: GOOD + lines(*(matching(n, output="?") for n in range(10, 17)))},
        [f"{ROWS}: line 3: output", "and 2 more rows (bad_output)", "7 rows cannot be used"],
        7,
    ),
)

LABEL_CASES = (
    Case(
        "no file of labels",
        {ROWS: lines(ranking())},
        [f"{LABELS}: no such file: put the label file there, or set `labels.url`"],
        task="QPR",
        data={"labels": {"path": LABELS}},
    ),
    of_labels("a label that there is not", '[["S", "X"]]', "row 1: label 2 is not E, S, C or I"),
    of_labels(
        "labels of another order",
        '[["E", "I"]]',
        f"{ROWS}: line 1: relevance: labels ['E', 'I'] disagree with 'B,A'",
        "`tolerate: [label_disagreement]`",
        problems=2,
    ),
    of_labels(
        "a row of labels too many",
        '[["S", "E"], ["S", "E"]]',
        f"QPR test {IND}: 1 rows, but 2 rows of labels",
    ),
    Case(
        "labels of another file",
        {ROWS: lines(ranking()), LABELS: '[["S", "E"]]'},
        [f"{LABELS}: its sha256 is not `labels.sha256`: delete the file, or fix the key"],
        task="QPR",
        data={"labels": {"path": LABELS, "sha256": "0" * 64}},
    ),
)


def laid_out(project: Path, case: Case) -> None:
    """Write the files of a case and its configuration."""
    for name, content in case.files.items():
        path = project / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    text = yaml.safe_dump(study(case.task, case.data))
    (project / FILE).write_text(text, encoding="utf-8")


def why(project: Path) -> Callable[[], Run]:
    """The checks of a run."""
    return lambda: run_script("why.py", "--configfile", FILE, folder=project)


@pytest.mark.parametrize(
    "case", [*WHOLE_FILES, *ROW_CASES, *LINE_CASES, *LABEL_CASES], ids=lambda case: case.sentence
)
def test_data_are_refused_with(case: Case, project: Path) -> None:
    laid_out(project, case)
    refused(project, why(project), case.words, case.problems)


def test_the_files_of_the_cases_can_be_used_but_for_what_is_broken(project: Path) -> None:
    labelled = [ranking("B,A,C,D,E", 5)]
    for case in (
        Case("matching", {ROWS: GOOD}, []),
        Case("a list", {ROWS: json.dumps([matching()])}, []),
        Case("with a mark of UTF-8", {ROWS: b"\xef\xbb\xbf" + GOOD.encode()}, []),
        of_labels("labels that repeat", '[["E", "E", "S", "I", "I"]]', rows=lines(*labelled)),
    ):
        laid_out(project, case)
        run = why(project)()
        assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("case", [WHOLE_FILES[2], ROW_CASES[0]], ids=lambda case: case.sentence)
def test_snakemake_refuses_them_with_the_same_lines(case: Case, project: Path) -> None:
    laid_out(project, case)
    command = ["--cores", "1", "--configfile", FILE]
    refused(project, lambda: snakemake(project, *command), case.words, case.problems)


CONTENT = lines(*(matching(number) for number in range(4))).encode()


@given(
    st.integers(0, len(CONTENT)),
    st.integers(0, 40),
    st.binary(max_size=6) | st.sampled_from([b"\n", b'"', b"\\", b"}{", b"\xff\xfe", b"null"]),
)
def test_any_damaged_bytes_are_refused_in_lines_or_taken(
    tmp_path_factory: pytest.TempPathFactory, begin: int, length: int, put: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.jsonl"
    path.write_bytes(CONTENT[:begin] + put + CONTENT[begin + length :])
    problems = Problems()
    told: Sequence[str] = ()
    try:
        read = [*read_rows(path, path.name, problems, lambda _: None)]
        told = problems.lines(())
    except InputError as error:
        read, told = [], error.problems
    assert read or told
    assert all(line.isprintable() for line in told)
