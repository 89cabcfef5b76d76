"""Words for readers."""

import pytest

from ecslm.common.text import nearest, number_of


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


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 jobs"), (1, "1 job"), (2, "2 jobs"), (1000, "1,000 jobs")]
)
def test_one_thing_has_no_plural(number: int, text: str) -> None:
    assert number_of(number, "job") == text
