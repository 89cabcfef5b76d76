"""Words for readers."""

import pytest

from ecslm.common.text import nearest


@pytest.mark.parametrize(
    ("name", "valid", "phrase"),
    [
        ("rnak", ["rank", "alpha"], ": did you mean `rank`?"),
        ("zzzz", ["rank", "alpha"], ": expected one of alpha, rank"),
        ("rank", [], ""),
    ],
)
def test_the_nearest_name_is_offered_or_a_few_are_listed(
    name: str, valid: list[str], phrase: str
) -> None:
    assert nearest(name, valid) == phrase
