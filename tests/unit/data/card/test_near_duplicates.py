"""The training text nearest to each test text, against Jaccard indices of plain sets."""

import re

from hypothesis import given
from hypothesis import strategies as st

from ecslm.data.card.leakage import nearest

# Few words, so that texts have shingles in common.
TEXTS = st.lists(st.lists(st.sampled_from("aAbé,"), max_size=10).map(" ".join), max_size=6)


def shingles(text: str) -> set[tuple[str, ...]]:
    """By definition: three consecutive words, or all words of a shorter text."""
    words = re.findall(r"\w+", text.lower())
    runs = {tuple(words[start : start + 3]) for start in range(len(words) - 2)}
    return runs or ({tuple(words)} if words else set())


def naive(test: str, trains: list[str]) -> tuple[float, int]:
    """By definition, pair by pair."""
    best = (0.0, -1)
    for index, train in enumerate(trains):
        a, b = shingles(test), shingles(train)
        if a & b and len(a & b) / len(a | b) > best[0]:
            best = (len(a & b) / len(a | b), index)
    return best


@given(tests=TEXTS, trains=TEXTS)
def test_nearest_is_that_of_plain_sets(tests: list[str], trains: list[str]) -> None:
    assert nearest(tests, trains) == [naive(test, trains) for test in tests]
