"""The tasks and the base weights that studies refer to."""

from typing import Any

import pytest
from support.configs import changed, problems

# Each edit of the small configuration, and the only line that it gives.
PROBLEMS: dict[str, tuple[str, Any, str]] = {
    "an unknown key of a task": (
        "tasks.PM.alias",
        [],
        "tasks.PM.alias: unknown key: did you mean `aliases`?",
    ),
    "a metric that cannot score the answers": (
        "tasks.PM.metric",
        "ndcg",
        "tasks.PM: metric: ndcg cannot score yes_no: use binary_f1",
    ),
    "an unknown key of a base, told by its source": (
        "bases.Encoder.revison",
        "main",
        "bases.Encoder.revison: unknown key: did you mean `revision`?",
    ),
}


@pytest.mark.parametrize(("path", "value", "line"), PROBLEMS.values(), ids=PROBLEMS)
def test_one_line_tells_of(path: str, value: Any, line: str) -> None:
    assert problems(changed(path, value)) == (line,)
