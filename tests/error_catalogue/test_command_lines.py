"""Broken command lines of the scripts that users run alone, and broken files given to them."""

import shlex
from pathlib import Path

import pytest
from support.broken_inputs import Case, assert_refused, nothing_lost, read_cases
from support.scripts import run_script

CASES = read_cases(Path(__file__).with_name("command_lines.yaml"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.of)
def test_a_command_is_refused_with(case: Case, tmp_path: Path) -> None:
    for name in case.files:
        (tmp_path / name).write_bytes(case.content_of(name))
    script, *options = shlex.split(case.command)
    with nothing_lost(tmp_path):
        run = run_script(script, *options, folder=tmp_path)
    assert_refused(run, case.says, case.problems)
