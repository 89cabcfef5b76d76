"""Prompts are divided by prefixes that are worth sharing, each prompt once."""

from hypothesis import given
from hypothesis import strategies as st

from ecslm.prediction.prefill import Group, groups_by_prefix

TOKENS = st.lists(st.integers(0, 2), min_size=1, max_size=12)


def test_prompts_share_what_is_worth_it_and_a_longer_prefix_follows_from_a_shorter_one() -> None:
    prompts = [[1, 1, 1, 5, 5, 5, 7], [1, 1, 1, 6], [1, 1, 1, 5, 5, 5, 8, 9], [1, 1, 1, 4, 4]]
    expected = [Group((3,), (3, 1)), Group((3, 6), (0, 2))]
    assert groups_by_prefix(prompts, worth=3) == expected
    assert groups_by_prefix(prompts, worth=4) == [Group((3,), (3, 0, 2, 1))]
    assert groups_by_prefix(prompts, worth=10) == [Group((), (3, 0, 2, 1))]


def test_the_last_token_of_a_prompt_is_never_shared() -> None:
    same = [[1, 2, 3]] * 3
    assert groups_by_prefix(same, worth=1) == [Group((2,), (0, 1, 2))]
    assert groups_by_prefix([[1, 2], [1, 2, 3]], worth=1) == [Group((1,), (0, 1))]
    assert groups_by_prefix([[1], [1], [1, 2]], worth=1) == [Group((), (0, 1, 2))]


@given(st.lists(TOKENS, min_size=1, max_size=8), st.integers(1, 12))
def test_each_prompt_is_in_one_group_and_begins_with_its_prefixes(
    prompts: list[list[int]], worth: int
) -> None:
    groups = groups_by_prefix(prompts, worth)
    assert sorted(row for group in groups for row in group.rows) == list(range(len(prompts)))
    computed: dict[tuple[int, ...], set[tuple[int, ...]]] = {}
    for group in groups:
        assert list(group.prefixes) == sorted(set(group.prefixes))
        for row in group.rows:
            for length in group.prefixes:
                assert length < len(prompts[row])
                assert prompts[row][:length] == prompts[group.rows[0]][:length]
        first = prompts[group.rows[0]]
        for number in range(len(group.prefixes)):
            chain = group.prefixes[: number + 1]
            computed.setdefault(chain, set()).add(tuple(first[: chain[-1]]))
    shared = sum(
        chain[-1] - (chain[-2] if len(chain) > 1 else 0)
        for chain, prefixes in computed.items()
        for _ in prefixes
    )
    rest = sum(
        len(prompts[row]) - (group.prefixes[-1] if group.prefixes else 0)
        for group in groups
        for row in group.rows
    )
    count = sum(map(len, computed.values()))
    assert shared + rest <= sum(map(len, prompts)) - worth * count
