"""Broken configurations: each is refused with a line that names the key and how to mend it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.broken_inputs import Run, linked_project, refused
from support.scratch import copy_project, snakemake
from support.scripts import run_script

FILE = "mine.yaml"


@dataclass(frozen=True)
class Case:
    """A file given as `--configfile`, and the words by which it is refused."""

    sentence: str
    text: str
    words: tuple[str, ...]
    problems: int = 1


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, which no test changes."""
    return copy_project(tmp_path_factory.mktemp("origin"))


@pytest.fixture
def project(origin: Path, tmp_path: Path) -> Path:
    """A project of which nothing has been made."""
    return linked_project(tmp_path / "project", origin)


CASES = (
    Case(
        "a study that is not there",
        "study: dmo\n",
        ("study: dmo is not in studies: did you mean `demo`?",),
    ),
    Case(
        "a key with a typing error",
        "studys: {}\n",
        ("studys: unknown key: did you mean `study`?",),
    ),
)


def explained(project: Path) -> Callable[[], Run]:
    """`why.py`, which makes the checks of a run."""
    return lambda: run_script("why.py", "--configfile", FILE, folder=project)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.sentence)
def test_a_configuration_is_refused_with(case: Case, project: Path) -> None:
    (project / FILE).write_text(case.text, encoding="utf-8")
    refused(project, explained(project), case.words, case.problems)


def test_snakemake_refuses_it_too(project: Path) -> None:
    case = CASES[0]
    (project / FILE).write_text(case.text, encoding="utf-8")
    refused(
        project, lambda: snakemake(project, "-n", "--configfile", FILE), case.words, case.problems
    )
