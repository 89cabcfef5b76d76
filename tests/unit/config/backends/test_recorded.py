"""Models whose answers are in files."""

from typing import Any

import pytest
from support.configs import changed, problems, small, study_of

# Each edit of the small configuration, and the only line that it gives.
PROBLEMS: dict[str, tuple[str, Any, str]] = {
    "an unknown key of a recorded model, told by its backend": (
        ".models.Other",
        {"backend": "recorded", "path": "answers", "setings": ["IND"]},
        "studies.shop.models.Other.setings: unknown key: did you mean `settings`?",
    ),
    "a recorded model without answers": (
        ".models.Other",
        {"backend": "recorded"},
        "studies.shop.models.Other: needs either `path` or `published`",
    ),
    "a recorded model with two places of answers": (
        ".models.Other",
        {"backend": "recorded", "path": "answers", "published": "other"},
        "studies.shop.models.Other: needs either `path` or `published`",
    ),
    "published answers from nowhere": (
        ".models.Other",
        {"backend": "recorded", "published": "other"},
        "studies.shop.answers: missing: Other has `published`",
    ),
    "a setting of a recorded model that is not the study's": (
        ".models.Other",
        {"backend": "recorded", "path": "answers", "settings": ["INDD"]},
        "studies.shop.models.Other.settings: INDD is not in the study's settings: did you mean "
        "`IND`?",
    ),
    "a task of a recorded model that is not the study's": (
        ".models.Other",
        {"backend": "recorded", "path": "answers", "tasks": ["PMM"]},
        "studies.shop.models.Other.tasks: PMM is not in the study's tasks: did you mean `PM`?",
    ),
}


@pytest.mark.parametrize(("path", "value", "line"), PROBLEMS.values(), ids=PROBLEMS)
def test_one_line_tells_of(path: str, value: Any, line: str) -> None:
    assert problems(changed(path, value)) == (line,)


def test_recorded_answers_inherit_nothing_of_the_study() -> None:
    raw = small()
    raw["studies"]["shop"]["models"]["Other"] = {"backend": "recorded", "path": "answers"}
    other = study_of(raw).models["Other"]
    assert (other.base, other.template, other.training, other.seeds) == (None, None, None, (0,))
