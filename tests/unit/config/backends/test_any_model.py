"""What every model of a study has: a name and a backend."""

from typing import Any

import pytest
from support.configs import changed, problems

# Each edit of the small configuration, and the only line that it gives.
PROBLEMS: dict[str, tuple[str, Any, str]] = {
    "a backend that there is not": (
        ".models.Small.backend",
        "recoded",
        "studies.shop.models.Small.backend: unknown backend recoded: did you mean `recorded`?",
    ),
    "a name that cannot be part of a path": (
        ".models.A/B",
        {"base": "Small", "template": "chatml"},
        "studies.shop.models.A/B: should be letters, digits and . _ -, the first a letter or "
        "digit, not 'A/B'",
    ),
    "a model with a baseline's name": (
        ".models.random",
        {"base": "Small", "template": "chatml"},
        "studies.shop.models.random: is also the name of a baseline: rename the model",
    ),
}


@pytest.mark.parametrize(("path", "value", "line"), PROBLEMS.values(), ids=PROBLEMS)
def test_one_line_tells_of(path: str, value: Any, line: str) -> None:
    assert problems(changed(path, value)) == (line,)
