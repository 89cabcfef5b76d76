"""Broken configurations: each is refused with a line that says where it is wrong, and what to do.

Each case is a file given as `--configfile`. `why.py` makes the checks of a run, with its loader.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from support.broken_inputs import Case, Run, read_cases, refused
from support.scripts import run_script

FILE = "mine.yaml"


# A whole study of one's own, line by line, of which a case changes one.
LINES = Path(__file__).with_name("own_study.yaml").read_text(encoding="utf-8")


CASES = read_cases(Path(__file__).with_name("configurations.yaml"))


def why(project: Path, content: bytes, *arguments: str) -> Callable[[], Run]:
    """`why.py` with a file."""
    (project / FILE).write_bytes(content)
    return lambda: run_script("why.py", "--configfile", FILE, *arguments, folder=project)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.of)
def test_a_configuration_is_refused_with(case: Case, project: Path) -> None:
    assert not case.change or LINES.count(case.change[0]) == 1
    content = LINES.replace(*case.change).encode() if case.change else case.content_of(FILE)
    refused(project, why(project, content), case.says, case.problems)


def test_the_study_of_the_cases_lacks_nothing_but_its_data(project: Path) -> None:
    words = ["rows.jsonl: no such file: fix `data` of the study"]
    refused(project, why(project, LINES.encode()), words)


def test_every_file_is_told_of(project: Path) -> None:
    run = why(project, b"study: demo\nstudy: demo\n", "none.yaml")
    refused(project, run, [f"{FILE}: line 2", "none.yaml: no such"], 2)
