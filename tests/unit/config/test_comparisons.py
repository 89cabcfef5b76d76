"""The contrasts of a study."""

from typing import Any

import pytest
from support.configs import changed, problems

# Each edit of the small configuration, and the only line that it gives.
PROBLEMS: dict[str, tuple[str, Any, str]] = {
    "an unknown model in a contrast": (
        ".comparisons.contrasts.tuning.pairs",
        [["Small-CE", "Small"]],
        "studies.shop.comparisons.contrasts.tuning.pairs: Small-CE is not in the study's models: "
        "did you mean `Small-EC`?",
    ),
    "an unknown setting of a contrast of models": (
        ".comparisons.contrasts.tuning.settings",
        ["INDD"],
        "studies.shop.comparisons.contrasts.tuning.settings: INDD is not in the study's settings: "
        "did you mean `IND`?",
    ),
    "an unknown model of a contrast of settings": (
        ".comparisons.contrasts.domain.models",
        ["Smal"],
        "studies.shop.comparisons.contrasts.domain.models: Smal is not in the study's models: did "
        "you mean `Small`?",
    ),
    "a contrast of an unknown kind": (
        ".comparisons.contrasts.tuning.kind",
        "model",
        "studies.shop.comparisons.contrasts.tuning.kind: unknown kind model: did you mean "
        "`models`?",
    ),
    "a contrast without a kind": (
        ".comparisons.contrasts.tuning",
        {"pairs": [["Small-EC", "Small"]], "settings": ["IND"]},
        "studies.shop.comparisons.contrasts.tuning.kind: missing",
    ),
    "a setting that a contrast has twice": (
        ".comparisons.contrasts.tuning.settings",
        ["IND", "IND"],
        "studies.shop.comparisons.contrasts.tuning.settings: `IND` is listed twice",
    ),
    "an unknown setting in a pair": (
        ".comparisons.contrasts.domain.pairs",
        [["ODD", "IND"]],
        "studies.shop.comparisons.contrasts.domain.pairs: ODD is not in the study's settings: did "
        "you mean `OOD`?",
    ),
    "a pair and its mirror image": (
        ".comparisons.contrasts.tuning.pairs",
        [["Small-EC", "Small"], ["Small", "Small-EC"]],
        "studies.shop.comparisons.contrasts.tuning: pairs: a pair is listed twice",
    ),
    "a pair of one": (
        ".comparisons.contrasts.tuning.pairs",
        [["Small", "Small"]],
        "studies.shop.comparisons.contrasts.tuning: pairs: a pair needs two different names",
    ),
}


@pytest.mark.parametrize(("path", "value", "line"), PROBLEMS.values(), ids=PROBLEMS)
def test_one_line_tells_of(path: str, value: Any, line: str) -> None:
    assert problems(changed(path, value)) == (line,)
