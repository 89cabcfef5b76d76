"""A study: its name, tasks, settings and encoder."""

from typing import Any

import pytest
from support.configs import changed, problems, small

from ecslm.schemas.paths import SHARED

# Each edit of the small configuration, and the only line that it gives.
PROBLEMS: dict[str, tuple[str, Any, str]] = {
    "an unknown task of the study": (
        ".tasks",
        ["PM", "AG", "AGG"],
        "studies.shop.tasks: AGG is not in tasks: did you mean `AG`?",
    ),
    "an unknown encoder": (
        ".bertscore.encoder",
        "Encodr",
        "studies.shop.bertscore.encoder: Encodr is not in bases: did you mean `Encoder`?",
    ),
    "an unknown base of architectures": (
        ".architectures",
        {"Smalll": "SmolLM2-360M"},
        "studies.shop.architectures: Smalll is not in bases: did you mean `Small`?",
    ),
    "generation without an encoder": (
        ".bertscore",
        None,
        "studies.shop.bertscore: missing: AG is scored with it",
    ),
    "a task twice": (
        ".tasks",
        ["PM", "AG", "PM"],
        "studies.shop.tasks: PM is listed twice",
    ),
    "a setting twice": (
        ".settings",
        ["IND", "OOD", "OOD"],
        "studies.shop.settings: OOD is listed twice",
    ),
}


@pytest.mark.parametrize(("path", "value", "line"), PROBLEMS.values(), ids=PROBLEMS)
def test_one_line_tells_of(path: str, value: Any, line: str) -> None:
    assert problems(changed(path, value)) == (line,)


@pytest.mark.parametrize("name", sorted(SHARED))
def test_a_study_cannot_take_a_directory_that_studies_share(name: str) -> None:
    raw = small()
    raw["studies"][name] = raw["studies"]["shop"]
    (line,) = problems(raw)
    assert (
        line == f"studies.{name}: is the name of a directory that studies share: rename the study"
    )
