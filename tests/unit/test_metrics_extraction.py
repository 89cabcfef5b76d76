"""F1*: every fate of a target attribute, and the released micro-F1 with its doubled recall."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scoring_examples import IND, OOD, block, entries, items, predictions

from ecslm.metrics import extraction_f1

TITLE = "product title"
NONE = "None"


def counts(answer: str, reference: str) -> dict[str, int]:
    (outcome,) = extraction_f1.outcomes(items("AVE", predictions("AVE", [(answer, reference)])))
    return {name: number for name, number in outcome.items() if number}


@pytest.mark.parametrize(
    ("given_entries", "reference", "expected"),
    [
        ([("a", NONE)], [("a", NONE)], {"nv": 1}),
        ([("a", "null")], [("a", NONE)], {"nv": 1}),
        ([("a", None)], [("a", NONE)], {"nv": 1}),
        ([("a", "")], [("a", NONE)], {"nv": 1}),
        ([], [("a", NONE)], {"nv": 1}),
        ([("a", "x")], [("a", NONE)], {"iv": 1}),
        ([], [("a", "x")], {"nl": 1}),
        ([("a", " NONE ")], [("a", "x")], {"nl": 1}),
        ([(" A", "X ")], [("a", "x")], {"cv": 1}),
        ([("a", "y")], [("a", "x"), ("a", "y")], {"cv": 1}),
        ([("a", "z")], [("a", "x")], {"wv": 1}),
        ([("a", 15)], [("a", "15")], {"cv": 1}),
        # The first entry of an attribute counts.
        ([("a", "z"), ("a", "x")], [("a", "x")], {"wv": 1}),
        ([("a", "x"), ("a", "z")], [("a", "x")], {"cv": 1}),
        # Attributes that nobody asked for cost nothing.
        ([("b", "x")], [("a", NONE)], {"nv": 1}),
        (
            [("a", "x"), ("b", "y")],
            [("a", "x"), ("b", NONE), ("c", "z")],
            {"cv": 1, "iv": 1, "nl": 1},
        ),
    ],
)
def test_fates_of_target_attributes(
    given_entries: list, reference: list, expected: dict[str, int]
) -> None:
    assert counts(entries(*given_entries), entries(*reference)) == expected


def test_invalid_output_is_wrong_everywhere() -> None:
    reference = entries(("a", "x"), ("a", "y"), ("b", NONE), ("c", "z"))
    assert counts("the brand is x", reference) == {"iv": 1, "wv": 2}


def test_f1_star_by_hand() -> None:
    pairs = [
        (entries(("a", "x"), ("b", "q")), entries(("a", "x"), ("b", NONE))),  # cv, iv
        (entries(("a", NONE)), entries(("a", NONE), ("b", "y"))),  # nv, nl
        ("garbage", entries(("a", "x"))),  # wv
    ]
    scores = block("AVE", predictions("AVE", pairs))
    precision, recall = 2 / 4, 2 / 5
    strict = scores["strict"]
    assert strict["value"] == pytest.approx(2 * precision * recall / (precision + recall))
    details = strict["details"]
    assert details["precision"] == pytest.approx(precision)
    assert details["recall"] == pytest.approx(recall)
    assert details["negative_share"] == pytest.approx(2 / 5)
    assert details["counts"] == {"nv": 1, "iv": 1, "cv": 1, "wv": 1, "nl": 1}
    assert scores["n_invalid"] == 1


def test_answering_nothing_recalls_the_share_of_negatives() -> None:
    reference = entries(("a", NONE), ("b", "x"), ("c", NONE), ("d", "y"))
    details = block("AVE", predictions("AVE", [("[]", reference)]))["strict"]["details"]
    assert (details["precision"], details["recall"]) == (1, details["negative_share"])


def test_all_values_left_out_is_zero_but_defined() -> None:
    strict = block("AVE", predictions("AVE", [("[]", entries(("a", "x")))]))["strict"]
    assert (strict["value"], strict["defined"]) == (0, True)
    assert strict["details"]["precision"] is None


def released(answer: str, reference: str, setting: str = IND) -> dict[str, int]:
    given_items = items("AVE", predictions("AVE", [(answer, reference)], setting=setting))
    return extraction_f1.released(given_items).details["counts"]


def test_released_hit_is_equal_in_attribute_value_and_source() -> None:
    reference = entries(("a", "x", TITLE), ("b", NONE, NONE))
    answer = entries(("a", "x", TITLE), ("a", "X", TITLE), ("b", NONE, TITLE), ("A", "x", TITLE))
    assert released(answer, reference) == {"hits": 1, "predicted": 4, "references": 2}


def test_released_counts_pairs_so_that_repeats_hit_again() -> None:
    answer = entries(("a", "x", TITLE), ("a", "x", TITLE))
    assert released(answer, entries(("a", "x", TITLE)))["hits"] == 2


@pytest.mark.parametrize(
    ("value", "source", "hits"),
    [
        ("red", "title", 1),
        ("dark red wine", TITLE, 1),
        ("red", "description", 0),
        ("blue", TITLE, 0),
        (None, TITLE, 0),
        ("red", None, 0),
        (3, TITLE, 0),
    ],
)
def test_released_out_of_domain_takes_values_that_contain_one_another(
    value: object, source: object, hits: int
) -> None:
    reference = entries(("color", "dark red", TITLE))
    answer = entries(("color", value, source))
    assert released(answer, reference, OOD)["hits"] == hits
    assert released(answer, reference, IND)["hits"] == 0


@pytest.mark.parametrize("answer", ["", "prose", '{"attribute": "a"}', "[" * 100_000, '["a", 1]'])
def test_released_reads_what_is_no_list_of_entries_as_none(answer: str) -> None:
    assert released(answer, entries(("a", "x", TITLE)))["predicted"] == 0


def test_released_counts_predicted_entries_that_have_an_attribute() -> None:
    assert released('[{"value": "x"}, {"attribute": "a"}]', "[]")["predicted"] == 1


def test_released_2024_is_twice_the_recall_and_may_exceed_one() -> None:
    right = entries(("a", "x", TITLE), ("b", "y", TITLE))
    scores = block("AVE", predictions("AVE", [(right, right), ("[]", entries(("a", "x", TITLE)))]))
    assert scores["released"]["details"]["recall"] == pytest.approx(2 / 3)
    assert scores["released"]["value"] == pytest.approx(2 * 2 / (2 + 3))
    assert scores["released_2024"]["value"] == pytest.approx(4 / 3)


ENTRY = st.tuples(
    st.sampled_from("ab"), st.sampled_from(["x", "xy", NONE]), st.sampled_from([TITLE, NONE])
)
TEXT = st.one_of(st.just("prose"), st.lists(ENTRY, max_size=4).map(lambda rows: entries(*rows)))
REFERENCE = st.lists(ENTRY, min_size=1, max_size=4).map(lambda rows: entries(*rows))


@given(
    pairs=st.lists(st.tuples(TEXT, REFERENCE), min_size=1, max_size=6),
    setting=st.sampled_from([IND, OOD]),
)
def test_released_2024_is_always_twice_the_released_recall(
    pairs: list[tuple[str, str]], setting: str
) -> None:
    given_items = items("AVE", predictions("AVE", pairs, setting=setting))
    recall = extraction_f1.released(given_items).details["recall"]
    assert extraction_f1.released_2024(given_items).value == pytest.approx(2 * recall)
