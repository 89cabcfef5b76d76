"""Broken configurations: each is refused with a line that says where it is wrong, and what to do.

Each case is a file given as `--configfile`. `why.py` makes the checks of a run, with its loader.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from support.broken_inputs import (
    Case,
    Run,
    nothing_lost,
    read_cases,
    refused,
)
from support.scripts import run_script

FILE = "mine.yaml"


def why(project: Path, *arguments: str) -> Callable[[], Run]:
    """`why.py` with the file."""
    return lambda: run_script("why.py", "--configfile", FILE, *arguments, folder=project)


def written(project: Path, content: str | bytes) -> None:
    """Write the file."""
    (project / FILE).write_bytes(content.encode() if isinstance(content, str) else content)


# A whole study of one's own, line by line, of which a case changes one.
LINES = """\
study: mine
tasks:
  PM: {train: false}
bases:
  Own: {source: path, path: models/own}
studies:
  mine:
    title: Mine
    device: cpu
    published_comparable: false
    data: {source: path, path: rows.jsonl}
    tasks: [PM]
    train_setting: IND_Diverse_Instruction
    settings: [IND_Diverse_Instruction]
    models:
      Small: {base: SmolLM2-135M, template: chatml}
"""


CASES = {case.of: case for case in read_cases(Path(__file__).with_name("configurations.yaml"))}


def content_of(case: Case) -> bytes:
    """The file of a case."""
    if not case.change:
        return case.content_of(FILE)
    old, new = case.change
    assert LINES.count(old) == 1, old
    return LINES.replace(old, new).encode()


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_a_configuration_is_refused_with(case: Case, project: Path) -> None:
    written(project, content_of(case))
    refused(project, why(project), case.says, case.problems)


def test_the_study_of_the_cases_lacks_nothing_but_its_data(project: Path) -> None:
    written(project, LINES)
    refused(project, why(project), ["rows.jsonl: no such file: fix `data` of the study"])


def test_every_file_is_told_of_and_all_scripts_read_them_alike(project: Path) -> None:
    written(project, "study: demo\nstudy: demo\n")
    refused(project, why(project, "none.yaml"), [f"{FILE}: line 2", "none.yaml: no such"], 2)
    for script, options in {
        "check_configuration.py": [],
        "check_study.py": [],
        "ask.py": ["--model", "x", "hello"],
    }.items():
        with nothing_lost(project):
            run = run_script(script, *options, "--configfile", FILE, folder=project)
        assert run.returncode == 1
        assert "mine.yaml: line 2: study: given twice: leave one" in run.stdout + run.stderr
