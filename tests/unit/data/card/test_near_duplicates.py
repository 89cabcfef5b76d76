"""The training text nearest to each test text, against Jaccard indices of plain sets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecslm.data.card import near_duplicates
from ecslm.data.card.near_duplicates import Nearest, nearest, shingles

# Few words, so that texts have shingles in common.
TEXTS = st.lists(st.lists(st.sampled_from("aAbé,"), max_size=10).map(" ".join), max_size=6)


def naive(test: str, trains: list[str]) -> Nearest:
    """By definition, pair by pair."""
    best = Nearest(0.0, None)
    for index, train in enumerate(trains):
        a, b = shingles(test), shingles(train)
        if a & b and len(a & b) / len(a | b) > best.jaccard:
            best = Nearest(len(a & b) / len(a | b), index)
    return best


def test_shingles_are_three_consecutive_words_in_one_case() -> None:
    assert shingles("Red, wool-SOCKS; red!") == {"red wool socks", "wool socks red"}
    assert shingles("Größe 42, ÉTÉ") == {"größe 42 été"}


@pytest.mark.parametrize(("text", "whole"), [("One", "one"), ("one two", "one two")])
def test_a_short_text_is_one_shingle(text: str, whole: str) -> None:
    assert shingles(text) == {whole}


@pytest.mark.parametrize("text", ["", " ", "?!"])
def test_a_text_without_words_is_near_nothing(text: str) -> None:
    assert shingles(text) == set()
    assert nearest([text], [text, "one two three"]) == [Nearest(0.0, None)]


@given(tests=TEXTS, trains=TEXTS, pairs=st.integers(1, 40))
def test_nearest_is_that_of_plain_sets_in_blocks_of_any_size(
    tests: list[str], trains: list[str], pairs: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near_duplicates, "BLOCK_PAIRS", pairs)
        assert nearest(tests, trains) == [naive(test, trains) for test in tests]


def test_repeated_shingles_count_once() -> None:
    assert nearest(["a a a a a a b"], ["a a a b"]) == [Nearest(1.0, 0)]


def test_shingles_that_collide_count_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_duplicates, "COLUMNS", 1)
    assert nearest(["one two three four"], ["a b c d e"]) == [Nearest(1.0, 0)]


def test_the_first_of_equally_near_texts() -> None:
    trains = ["x y z", "One two three four", "one, two, three, four", "one two three four"]
    assert nearest(["one two three four"], trains) == [Nearest(1.0, 1)]


def test_nothing_to_compare() -> None:
    assert nearest([], ["one two three"]) == []
    assert nearest(["one two three"], []) == [Nearest(0.0, None)]
