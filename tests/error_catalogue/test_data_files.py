"""Broken data of one's own: each file is refused with a line that names it, the place and the fix.

`why.py` makes the checks of a run, so nothing is computed from what cannot be used.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.broken_inputs import Case, read_cases, refused
from support.scripts import run_script

FILE = "mine.yaml"
WHY = ("why.py", "--configfile", FILE)
ROWS = "rows.jsonl"
IND = "IND_Diverse_Instruction"

Row = dict[str, Any]


# A study of one task, which only asks an untuned model.
STUDY = f"""
title: Mine
device: cpu
published_comparable: false
data: {{source: path, path: {ROWS}}}
train_setting: {IND}
settings: [{IND}]
models: {{Small: {{base: SmolLM2-135M, template: chatml}}}}
bertscore: {{encoder: MiniLM-L6, layer: 5, rescale_language: null}}
"""


# A good row of each task that the cases have.
GOOD: dict[str, Row] = {
    "PM": {"input": '{"product 1": "a lamp", "product 2": "lamp"}', "output": "yes"},
    "QPR": {"input": '{"query": "lamp", "product list": ["A: lamp", "B: lamp"]}', "output": "B,A"},
    "SA": {"input": "text", "options": '["A: good", "B: bad"]', "output": "A"},
}


def lines(task: str, changes: Sequence[Row]) -> str:
    """JSON Lines of rows as they differ from good ones, which differ by their instruction."""
    rows = (
        {"task": task, "instruction": f"Wording {number}", **GOOD[task], **row}
        for number, row in enumerate(changes)
    )
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


CASES = read_cases(Path(__file__).with_name("data_files.yaml"))


def laid_out(project: Path, case: Case) -> None:
    """Write the files of a case and its configuration."""
    files = {name: case.content_of(name) for name in case.files}
    if case.rows:
        files[ROWS] = lines(case.task, case.rows).encode(case.encoding)
    for name, content in files.items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_bytes(content)
    own = yaml.safe_load(STUDY) | {"tasks": [case.task]}
    own["data"] |= case.data
    tasks = {case.task: {"train": False}}
    text = yaml.safe_dump({"study": "mine", "tasks": tasks, "studies": {"mine": own}})
    (project / FILE).write_text(text, encoding="utf-8")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.of)
def test_data_are_refused_with(case: Case, project: Path) -> None:
    laid_out(project, case)
    refused(project, lambda: run_script(*WHY, folder=project), case.says, case.problems)


def test_the_files_of_the_cases_can_be_used_but_for_what_is_broken(project: Path) -> None:
    row = lines("PM", [{}])
    for content in (row, json.dumps([json.loads(row)]), f"\ufeff{row}"):
        laid_out(project, Case("nothing", [], {ROWS: content}))
        run = run_script(*WHY, folder=project)
        assert run.returncode == 0, run.stderr
