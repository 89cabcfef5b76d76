"""What test records share with training records: each number of the report."""

import json
import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.model_examples import make_record

from ecslm.data.leakage import leakage, nearest
from ecslm.data.reports import SettingLeakage
from ecslm.schemas.record import Record

WORDS = [f"word{i}" for i in range(12)]
# Ten shingles. Its last word changed, nine are shared and eleven there are: 0.82.
TEXT = " ".join(WORDS)
NEAR = " ".join([*WORDS[:-1], "other"])
# Its first and last changed, eight are shared and twelve there are: 0.67.
FAR = " ".join(["other", *WORDS[1:-1], "other"])

HISTORY = "['1st: Red socks', \"2nd: Kettle: the best\"]"
OPTIONS = ["A: Desk lamp", "B: Red socks", "C: Kettle: the best"]


def evaluated(**fields: Any) -> Record:
    """A test record whose instruction alone is that of a training record."""
    return make_record(
        **{"id": "t0", "split": "test", "input": "not in training", "options": None} | fields
    )


def trained(**fields: Any) -> Record:
    """A training record of the same task."""
    return make_record(**{"input": TEXT, "options": None} | fields)


def measured(
    test: Sequence[Record], train: list[Record], other_train: list[Record] | None = None
) -> SettingLeakage:
    """The numbers of the only setting of the test records."""
    (only,) = leakage(test, train, other_train or []).settings.values()
    return only


def test_an_exact_match_is_that_of_the_input_alone() -> None:
    changes = ({}, {"output": "no"}, {"options": ["A: yes"]}, {"instruction": "Another?"})
    found = measured([evaluated(input=TEXT, **one) for one in changes], [trained()])
    assert (found.exact, found.exact_with_output, found.near) == (4, 2, 4)
    # Options and output must be those of one record.
    parted = [trained(options=["A: x"], output="B"), trained(options=["A: y"], output="A")]
    found = measured([evaluated(input=TEXT, options=["A: x"], output="A")], parted)
    assert (found.exact, found.exact_with_output) == (1, 0)


def test_near_duplicates_share_four_fifths_of_their_shingles() -> None:
    test = [evaluated(input=text) for text in (NEAR, FAR, f"{TEXT.upper()}!")]
    found = measured(test, [trained()])
    assert (found.exact, found.near) == (0, 2)
    assert measured(test, []).near == 0


@pytest.mark.parametrize("text", ["?!", "Fine", "Very fine"])
def test_an_exact_match_counts_however_short(text: str) -> None:
    report = leakage([evaluated(input=text)], [trained(), trained(id="r1", input=text)])
    assert report.settings["IND_Diverse_Instruction"].near == 1
    assert report.pairs == ({"test": "t0", "train": "r1", "jaccard": 1.0},)


def test_instructions_seen_unseen_and_mixed() -> None:
    both = evaluated(), evaluated(instruction="Another?")
    found = [measured(test, [trained()]).instruction for test in (both[:1], both[1:], both)]
    assert found == ["seen", "unseen", "mixed"]


def test_queries_are_looked_up_in_all_tasks() -> None:
    queries = '{"query": " Lamp ", "price": NaN}', '{"query": "kettle"}', '{"query": "lamps"}'
    others = "[" * 100_000, "lamp", '["lamp"]', '{"query": ["lamp"]}', '{"a": "b"}'
    test = [evaluated(input=text) for text in (*queries, *others)]
    other = [trained(task="QPR", input='{"query": "KETTLE", "product": "x"}')]
    found = measured(test, [trained(input='{"query": "lamp", "product": NaN}')], other)
    assert found.queries == {"records": 3, "shared": 2}


# Of a training record: an option, the answer, and whether it is in the history of a test record.
TARGETS = [
    *(("A: Desk lamp", "B", 1), ("A: Desk lamp", "B: Red socks", 1), ("A: Desk lamp", "A", 0)),
    *(("A: Kettle: the best ", "A", 1), ("A: Kettle", "A", 0), ("A: Teapot: the best", "A", 0)),
    ("A: Red", "A", 0),
]


@pytest.mark.parametrize(("option", "output", "shared"), TARGETS)
def test_a_history_has_the_whole_target_of_a_training_record_or_not(
    option: str, output: str, shared: int
) -> None:
    """An item may have colons."""
    train = trained(input="['1st: Tray']", options=[option, "B: Red socks"], output=output)
    for history in (HISTORY, json.dumps(["1st: Red socks", "2nd: Kettle: the best"])):
        test = evaluated(input=history, options=OPTIONS, output="A")
        found = measured([test], [train]).history_targets
        assert found == {"records": 1, "shared": shared}


def test_other_inputs_have_no_history() -> None:
    choice = {"options": OPTIONS, "output": "A"}
    texts = ("[1, 2]", "Fine [really]", '{"query": "x"}')
    test = [evaluated(input=HISTORY), evaluated(input=HISTORY, options=OPTIONS, output="Z")]
    test += [evaluated(input=text, **choice) for text in texts]
    assert measured(test, [trained()]).history_targets is None


def test_pairs_show_a_sample_once_the_most_similar_first() -> None:
    test = [
        evaluated(id="t0", sample_id="near", input=NEAR, setting="IND"),
        evaluated(id="t1", sample_id="exact", input=TEXT, setting="IND"),
        evaluated(id="t2", sample_id="near", input=NEAR, setting="OOD"),
        evaluated(id="t3", sample_id="near too", input=NEAR, setting="OOD"),
        evaluated(id="t4", sample_id="far", input=FAR, setting="OOD"),
    ]
    pairs = leakage(test, [trained(id="r0"), trained(id="r1")]).pairs
    expected = [("t1", "r0", 1.0), ("t0", "r0", 9 / 11), ("t3", "r0", 9 / 11)]
    assert [tuple(pair.values()) for pair in pairs] == expected
    many = [evaluated(id=f"t{i}", sample_id=f"s{i}", input=TEXT) for i in range(30)]
    assert [pair["test"] for pair in leakage(many, [trained()]).pairs] == [
        f"t{i}" for i in range(20)
    ]


# The nearest training text, against Jaccard indices of plain sets

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
