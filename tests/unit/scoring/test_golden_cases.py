"""The three protocols by hand: inputs, and what the rules in words make of them.

Each row begins with the rule that it shows. Expected values are fractions and sums that a reader
can check with a pencil; None stands for an invalid answer, or for an F1 that is not defined.
"""

import math
from typing import Any

import pytest
from support.scoring_examples import (
    FIVE,
    IND,
    OOD,
    TWENTY,
    bertscore,
    block,
    entries,
    items,
    predictions,
)

from ecslm.scoring.answers import choice, extraction, generation, ranking, yes_no
from ecslm.scoring.metrics import extraction_f1

TITLE = "product title"
NULL = ("None", "None")

# Gains of a product by its label, and the weights of ranks 2 to 4.
E, S, C = 2**1.0 - 1, 2**0.1 - 1, 2**0.01 - 1
RANK_2, RANK_3, RANK_4 = 1 / math.log2(3), 1 / 2, 1 / math.log2(5)
TINY = 1e-6


def table(*rows: tuple) -> list:
    """Rows of a table whose first column is the rule, as parameters of a test."""
    return [pytest.param(*row[1:], id=row[0]) for row in rows]


def read(reader: Any, text: str, **fields: Any) -> Any:
    (given,) = predictions("PM", [(text, "yes")], **fields)
    return reader(given)


# --- strict parsing -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "answer"),
    table(
        ("the word", "yes", "yes"),
        ("the other word", "no", "no"),
        ("case is ignored", "YES", "yes"),
        ("white space is stripped", " \tNo\n", "no"),
        ("double quotes", '"yes"', "yes"),
        ("single quotes", "'no'", "no"),
        ("curly quotes", "\u201cyes\u201d", "yes"),
        ("quotes in quotes", "\"'yes'\"", "yes"),
        ("final full stop", "yes.", "yes"),
        ("final exclamation mark", "no!", "no"),
        ("final comma", "yes,", "yes"),
        ("final signs repeated and mixed", "no!.,!!", "no"),
        ("final sign after white space", "yes .", "yes"),
        ("sign inside the quotes", '"yes."', "yes"),
        ("sign outside the quotes", '"yes".', "yes"),
        ("quotes and signs in turns", "\"'No.'!\",.", "no"),
        ("white space inside the quotes", '" yes "', "yes"),
        ("a sign at the beginning is not final", ".yes", None),
        ("a question mark is not in the list", "yes?", None),
        ("a colon is not in the list", "yes:", None),
        ("more words", "yes, it is", None),
        ("words before", "Answer: yes", None),
        ("both words", "yes no", None),
        ("an abbreviation", "y", None),
        ("a number", "1", None),
        ("a synonym", "true", None),
        ("empty", "", None),
        ("white space only", " \n", None),
        ("signs only", ".!,", None),
        ("quotes only", '""', None),
    ),
)
def test_yes_no_is_the_whole_text_but_for_quotes_and_final_signs(
    text: str, answer: str | None
) -> None:
    assert read(yes_no.strict, text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    table(
        ("letter alone", "C", "C"),
        ("case and white space", " c \n", "C"),
        ("letter and colon", "A:", "A"),
        ("letter, colon, its own text", "A: very positive", "A"),
        ("letter, colon, no space, its own text", "B:positive", "B"),
        ("letter, full stop, anything", "d. because it hurts", "D"),
        ("letter, bracket, anything", "E) nothing works, B", "E"),
        ("letter, colon, lines of anything", "B: yes\nand more\n", "B"),
        ("option text exactly", "neutral", "C"),
        ("option text exactly, case and white space", " Very POSITIVE ", "A"),
        ("option text within another option's", "positive", "B"),
        ("letter not among the options", "F", None),
        ("letter not among the options, with an option's text", "F: very positive", None),
        ("letter and another option's text", "B: very positive", None),
        ("letter and another option's text, loosely written", "b)  Very Positive ", None),
        ("letter and another option's text, full stop", "A. neutral", None),
        ("letter and more than another option's text", "B: very positive indeed", "B"),
        ("words before the letter", "Answer: C", None),
        ("option text and a full stop is not exactly it", "neutral.", None),
        ("option text and more", "neutral, I think", None),
        ("letter and text with nothing between", "C neutral", None),
        ("letter and another sign", "C, neutral", None),
        ("letter in brackets", "(C)", None),
        ("letter in quotes", '"C"', None),
        ("two letters", "CD", None),
        ("a list of letters", "A,B", None),
        ("a number", "1", None),
        ("the sign alone", ":", None),
        ("empty", "", None),
    ),
)
def test_choice_is_a_letter_or_exactly_an_options_text(text: str, answer: str | None) -> None:
    assert read(choice.strict, text, options=FIVE) == answer


def test_choice_letters_are_those_of_the_record() -> None:
    three = FIVE[:3]
    assert read(choice.strict, "C", options=three) == "C"
    assert read(choice.strict, "D", options=three) is None
    assert read(choice.strict, "D: negative", options=three) is None
    assert read(choice.strict, "negative", options=three) is None


@pytest.mark.parametrize(
    ("text", "answer"),
    table(
        ("last of twenty letters", "T", "T"),
        ("letter that is also a word", "i", "I"),
        ("its own text", "T: item tt", "T"),
        ("text exactly", "Item tt", "T"),
        ("another item's text", "T: item aa", None),
        ("letter after the twentieth", "U", None),
    ),
)
def test_choice_of_twenty_items(text: str, answer: str | None) -> None:
    assert read(choice.strict, text, options=TWENTY) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    table(
        ("commas", "B,A,D,C", "BADC"),
        ("greater-than signs", "B>A>D>C", "BADC"),
        ("white space", "B A\tD\nC", "BADC"),
        ("mixed separators", " B, A > D\n,C ", "BADC"),
        ("case is ignored", "b,a,D,c", "BADC"),
        ("some of the products", "C,A", "CA"),
        ("one product", "C", "C"),
        ("unknown letters are ignored", "Z,B,E,A", "BA"),
        ("repeats keep the first", "A,B,A,B,C", "ABC"),
        ("repeats in another case", "A,a,B", "AB"),
        ("no known letter", "X,Y", None),
        ("prose", "the best is B", None),
        ("prose after the letters", "A,B because", None),
        ("a full stop makes a token of two signs", "A,B.", None),
        ("two letters in one token", "AB,C", None),
        ("other separators", "A;B", None),
        ("numbers are not letters", "A,1", None),
        ("brackets", "[A, B]", None),
        ("separators only", ", >", None),
        ("empty", "", None),
    ),
)
def test_ranking_is_single_letters_and_separators(text: str, answer: str | None) -> None:
    expected = None if answer is None else tuple(answer)
    assert read(ranking.strict, text, relevance=list("ESCI")) == expected


@pytest.mark.parametrize(
    ("text", "answer"),
    table(
        ("a list of objects", entries(("a", "x"), ("b", "y")), (("a", "x"), ("b", "y"))),
        ("the empty list", "[]", ()),
        ("further fields", entries(("a", "x", TITLE)), (("a", "x"),)),
        ("white space around the list", f" \n{entries(('a', 'x'))}\n ", (("a", "x"),)),
        ("case and white space in texts", entries((" Size ", "XL \n")), (("size", "xl"),)),
        ("repeated attributes stay", entries(("a", "x"), ("a", "y")), (("a", "x"), ("a", "y"))),
        ("an object", '{"attribute": "a", "value": "x"}', None),
        ("null", "null", None),
        ("a list of texts", '["a", "x"]', None),
        ("a list of lists", '[["a", "x"]]', None),
        ("no value", '[{"attribute": "a"}]', None),
        ("no attribute", '[{"value": "x"}]', None),
        ("one good entry and one bad", '[{"attribute": "a", "value": "x"}, 1]', None),
        ("text before the list", f"Here: {entries(('a', 'x'))}", None),
        ("text after the list", f"{entries(('a', 'x'))} Done.", None),
        ("a list cut off", entries(("a", "x"))[:-3], None),
        ("single quotes are not JSON", "[{'attribute': 'a', 'value': 'x'}]", None),
        ("prose", "The brand is Acme.", None),
        ("empty", "", None),
    ),
)
def test_extraction_is_a_json_list_of_objects(text: str, answer: object) -> None:
    assert read(extraction.strict, text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    table(
        ("the text", "It fits.", "It fits."),
        ("white space is stripped", " It fits.\n", "It fits."),
        ("empty", "", None),
        ("white space only", " \n\t", None),
    ),
)
def test_generation_is_the_text_for_both_readers(text: str, answer: str | None) -> None:
    assert read(generation.strict, text) == answer
    assert read(generation.lenient, text) == answer


# --- lenient parsing ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "answer"),
    table(
        ("anywhere", "Answer: No, it is not.", "no"),
        ("the first of several", "Yes. I said yes, not no.", "yes"),
        ("the question repeated is ambiguous", "The answer to yes or no is no", "no"),
        ("within a word", "I know nothing", None),
        ("nowhere", "maybe", None),
        ("empty", "", None),
    ),
)
def test_lenient_yes_no_is_the_first_unambiguous_word(text: str, answer: str | None) -> None:
    assert read(yes_no.lenient, text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    table(
        ("letter after words", "Answer: C", "C"),
        ("letter before words", "D is the answer", "D"),
        ("letter in brackets", "(B)", "B"),
        ("the first of several", "It is D, perhaps E", "D"),
        ("option text anywhere", "I would say negative.", "D"),
        ("the first option text", "It is neutral, not negative", "C"),
        ("the longest option text at its place", "It is very positive.", "A"),
        ("letter not among the options", "Answer: F", None),
        ("nowhere", "no idea", None),
        ("empty", "", None),
    ),
)
def test_lenient_choice_is_the_first_letter_or_text(text: str, answer: str | None) -> None:
    assert read(choice.lenient, text, options=FIVE) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    table(
        ("after words", "The ranking is B, A, D, C.", "BADC"),
        ("the first of several", "First C > A, then B > D", "CA"),
        ("in brackets", "[D, A]", "DA"),
        ("nowhere", "no idea", None),
        ("empty", "", None),
    ),
)
def test_lenient_ranking_is_the_first_sequence_of_letters(text: str, answer: str | None) -> None:
    expected = None if answer is None else tuple(answer)
    assert read(ranking.lenient, text, relevance=list("ESCI")) == expected


@pytest.mark.parametrize(
    ("text", "answer"),
    table(
        ("in a fence", f"```json\n{entries(('A', 'x'))}\n```", (("a", "x"),)),
        ("the first of several", f"{entries(('a', 'x'))} or {entries(('b', 'y'))}", (("a", "x"),)),
        ("brackets that are no JSON", f"[see] {entries(('a', 'x'))}", (("a", "x"),)),
        ("nowhere", "none", None),
        ("empty", "", None),
    ),
)
def test_lenient_extraction_is_the_first_json_list(text: str, answer: object) -> None:
    assert read(extraction.lenient, text) == answer


# --- values -------------------------------------------------------------------------------------

FULL = {option[0]: option for option in FIVE}


@pytest.mark.parametrize(
    ("code", "options", "pairs", "expected"),
    table(
        # F1 = 2 tp / (2 tp + fp + fn), of yes.
        (
            "F1: one of each cell",
            *("PM", None),
            [("yes", "yes"), ("yes", "no"), ("no", "yes"), ("no", "no")],
            {"strict": 2 / (2 + 1 + 1), "released": 1 / 2, "lenient": 1 / 2},
        ),
        (
            "F1: invalid is a false negative of yes, but dropped as released",
            *("PSI", None),
            [("yes", "yes"), ("?", "yes")],
            {"strict": 2 / (2 + 1), "released": 1, "lenient": 2 / 3},
        ),
        (
            "F1: invalid is a false positive of no, but dropped as released",
            *("AP", None),
            [("yes", "yes"), ("?", "no")],
            {"strict": 2 / (2 + 1), "released": 1, "lenient": 2 / 3},
        ),
        (
            "F1: released lower-cases and strips, and takes no full stop",
            *("PM", None),
            [(" YES\n", "yes"), ("yes.", "no"), ("no", "yes")],
            {"strict": 2 / (2 + 1 + 1), "released": 2 / (2 + 1), "lenient": 1 / 2},
        ),
        (
            "F1: lenient finds the word",
            *("PM", None),
            [("The answer is yes", "yes"), ("no", "yes")],
            {"strict": 0, "released": 0, "lenient": 2 / 3},
        ),
        (
            "F1: no yes in answers and references is not defined",
            *("PM", None),
            [("no", "no"), ("no", "no")],
            {"strict": None, "released": None, "lenient": None},
        ),
        (
            "F1: nothing left as released is not defined",
            *("PM", None),
            [("yes, surely", "yes"), ("", "no")],
            {"strict": 0, "released": None, "lenient": 2 / (2 + 1)},
        ),
        # Macro-F1: A has tp 1, fn 1; B and C have tp 1 and half a false positive each.
        (
            "macro-F1: invalid is shared by the other classes in the references",
            *("SA", FIVE),
            [("A", "A"), ("?", "A"), ("B", "B"), ("C", "C")],
            {"strict": (2 / 3 + 2 / 2.5 + 2 / 2.5) / 3, "released": 1},
        ),
        (
            "macro-F1: only one class in the references",
            *("SA", FIVE),
            [("A", "A"), ("?", "A")],
            {"strict": 2 / 3, "released": 1, "lenient": 2 / 3},
        ),
        (
            "macro-F1: a class only answered counts as released alone",
            *("SA", FIVE),
            [("A", FULL["A"]), ("D", FULL["B"])],
            {"strict": (1 + 0) / 2, "released": (1 + 0 + 0) / 3, "lenient": 1 / 2},
        ),
        (
            "macro-F1: a class in the references and never answered is 0",
            *("PRP", FIVE[:3]),
            [("A", "A"), ("A", "C")],
            {"strict": (2 / 3 + 0) / 2, "released": (2 / 3 + 0) / 2, "lenient": 1 / 3},
        ),
        (
            "macro-F1: a letter beyond the options is invalid, but a label as released",
            *("PRP", FIVE[:3]),
            [("A", "A"), ("D", "A"), ("B", "B")],
            {"strict": (2 / 3 + 2 / 3) / 2, "released": (2 / 3 + 1 + 0) / 3, "lenient": 2 / 3},
        ),
        (
            "macro-F1: released takes the first character of the stripped text",
            *("SA", FIVE),
            [("Absolutely", FULL["A"]), (" B", FULL["B"]), ("c", FULL["C"]), ("neutral", "C")],
            {"strict": (0 + 2 / (2 + 1 / 2) + 2 * 2 / (4 + 1 / 2)) / 3, "released": 1},
        ),
        (
            "macro-F1: nothing left as released is not defined, no class right is 0",
            *("SA", FIVE),
            [("", "A"), (" ", "B"), ("Fine", "C")],
            {"strict": 0, "released": None, "lenient": 0},
        ),
        (
            "accuracy: invalid is wrong and counts, but is dropped as released",
            *("MPC", FIVE),
            [("A", "A"), ("?", "B"), ("b.", "B"), ("B", "A")],
            {"strict": 2 / 4, "released": 1 / 2, "lenient": 2 / 4},
        ),
        (
            "accuracy: option texts, read by their first character as released",
            *("MPC", FIVE),
            [("positive", FULL["B"]), ("Come on", FULL["C"]), ("A: very positive", FULL["A"])],
            {"strict": 2 / 3, "released": 2 / 2, "lenient": 2 / 3},
        ),
        (
            "accuracy: letters after E are dropped as released",
            *("MPC", [*FIVE, "F: mixed"]),
            [("F", "F"), ("A", "B")],
            {"strict": 1 / 2, "released": 0, "lenient": 1 / 2},
        ),
        (
            "accuracy: lenient finds the letter",
            *("MPC", FIVE),
            [("Answer: C", "C"), ("The option B", "C")],
            {"strict": 0, "lenient": 1 / 2},
        ),
        (
            "HR@1: every record counts, as released only exact capitals A to T",
            *("SR", TWENTY),
            [("T", "T"), (" B ", "B"), ("c", "C"), ("D: item dd", "D"), ("A", "E"), ("U", "F")],
            {"strict": 4 / 6, "released": 2 / 3, "lenient": 4 / 6},
        ),
        (
            "HR@1: text and letter of two items",
            *("SR", TWENTY),
            [("item ss", "S"), ("S: item tt", "S"), ("", "A")],
            {"strict": 1 / 3, "released": None},
        ),
        # NDCG: gains by label over log2(rank + 1), over the best order of all products.
        (
            "NDCG: best order",
            *("QPR", None),
            [("B,C,A", "CES")],
            {
                "strict": 1,
                "released": (E + S * RANK_2 + C * RANK_3) / (E + S * RANK_2 + C * RANK_3 + TINY),
                "lenient": 1,
            },
        ),
        (
            "NDCG: worst order of all four labels",
            *("QPR", None),
            [("D,C,B,A", "ESCI")],
            {
                "strict": (0 + C * RANK_2 + S * RANK_3 + E * RANK_4)
                / (E + S * RANK_2 + C * RANK_3),
                "released": (C * RANK_2 + S * RANK_3 + E * RANK_4)
                / (E + S * RANK_2 + C * RANK_3 + TINY),
            },
        ),
        (
            "NDCG: a product left out loses its gain, as released it costs nothing",
            *("QPR", None),
            [("A", "ES")],
            {"strict": E / (E + S * RANK_2), "released": E / (E + TINY)},
        ),
        (
            "NDCG: the better product left out",
            *("QPR", None),
            [("B", "ES")],
            {"strict": S / (E + S * RANK_2), "released": S / (S + TINY)},
        ),
        (
            "NDCG: unknown letters take no rank",
            *("QPR", None),
            [("Z,A", "ES")],
            {"strict": E / (E + S * RANK_2), "released": E / (E + TINY)},
        ),
        (
            "NDCG: repeats keep the first, as released each is found",
            *("QPR", None),
            [("B,B,A", "ES")],
            {
                "strict": (S + E * RANK_2) / (E + S * RANK_2),
                "released": (S + S * RANK_2 + E * RANK_3) / (E + S * RANK_2 + S * RANK_3 + TINY),
            },
        ),
        (
            "NDCG: a space after the comma makes the piece invalid as released",
            *("QPR", None),
            [("B, A", "ES")],
            {"strict": (S + E * RANK_2) / (E + S * RANK_2), "released": S / (S + TINY)},
        ),
        (
            "NDCG: white space around the whole answer is stripped as released",
            *("QPR", None),
            [(" B,A\n", "ES")],
            {
                "strict": (S + E * RANK_2) / (E + S * RANK_2),
                "released": (S + E * RANK_2) / (E + S * RANK_2 + TINY),
            },
        ),
        (
            "NDCG: spaces before all letters as released: only the first is found",
            *("QPR", None),
            [(" C, A, B", "ESC")],
            {
                "strict": (C + E * RANK_2 + S * RANK_3) / (E + S * RANK_2 + C * RANK_3),
                "released": C / (C + TINY),
            },
        ),
        (
            "NDCG: a space between letter and comma does no harm as released",
            *("QPR", None),
            [("B ,A", "ES")],
            {
                "strict": (S + E * RANK_2) / (E + S * RANK_2),
                "released": (S + E * RANK_2) / (E + S * RANK_2 + TINY),
            },
        ),
        (
            "NDCG: other separators make one piece as released",
            *("QPR", None),
            [("B>A", "ES")],
            {"strict": (S + E * RANK_2) / (E + S * RANK_2), "released": S / (S + TINY)},
        ),
        (
            "NDCG: small letters are no letters as released",
            *("QPR", None),
            [("a,b", "ES")],
            {"strict": 1, "released": 0},
        ),
        (
            "NDCG: prose scores 0, as released its first character may be a letter",
            *("QPR", None),
            [("Both are good", "ES")],
            {"strict": 0, "released": S / (S + TINY)},
        ),
        (
            "NDCG: no product is relevant",
            *("QPR", None),
            [("B,A", "II")],
            {"strict": 1, "released": 0, "lenient": 1},
        ),
        (
            "NDCG: invalid scores 0 also where no product is relevant",
            *("QPR", None),
            [("neither", "II")],
            {"strict": 0, "released": 0, "lenient": 0},
        ),
        (
            "NDCG: the mean counts every record",
            *("QPR", None),
            [("A", "E"), ("", "E"), ("?!", "E")],
            {"strict": 1 / 3, "released": (E / (E + TINY)) / 3, "lenient": 1 / 3},
        ),
        (
            "NDCG: lenient finds the sequence",
            *("QPR", None),
            [("The order is A, B.", "ES")],
            {"strict": 0, "released": 0, "lenient": 1},
        ),
    ),
)
def test_values_of_a_task(
    code: str, options: list[str] | None, pairs: list, expected: dict[str, float | None]
) -> None:
    scores = block(code, predictions(code, pairs, options))
    found = {**scores, "lenient": scores["strict"]["details"]["lenient"]}
    for protocol, value in expected.items():
        assert found[protocol]["defined"] is (value is not None), protocol
        assert found[protocol]["value"] == pytest.approx(value or 0), protocol
    assert scores["released_2024"] == scores["released"]


def test_what_is_left_as_released_has_all_its_rates() -> None:
    pairs = [
        *[("yes", "yes")] * 3,
        *[("no", "yes")] * 2,
        ("yes", "no"),
        *[("no", "no")] * 4,
        *[("dunno", "yes")] * 5,
    ]
    details = block("AP", predictions("AP", pairs))["released"]["details"]
    assert details["counts"] == {"tp": 3, "fp": 1, "fn": 2, "tn": 4}
    assert details["n_dropped"] == 5
    rates = {"accuracy": 7 / 10, "precision": 3 / 4, "recall": 3 / 5}
    rates |= {"specificity": 4 / 5, "npv": 4 / 6}
    assert {name: details[name] for name in rates} == pytest.approx(rates)


def test_generation_is_the_mean_over_all_records_with_empty_texts_as_zero() -> None:
    given = predictions("AG", [("fine", "good"), ("", "good"), (" \n", "good"), ("so so", "good")])
    rows = [bertscore(p, f1) for p, f1 in zip(given, (0.9, 0.8, 0.7, 0.6), strict=True)]
    scores = block("AG", given, bertscores=rows)
    assert scores["n_invalid"] == 2
    assert scores["strict"]["value"] == pytest.approx((0.9 + 0 + 0 + 0.6) / 4)
    assert scores["strict"]["details"]["lenient"]["value"] == scores["strict"]["value"]
    assert scores["strict"]["details"]["lenient"]["n_invalid"] == 2


# --- extraction ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "reference", "fates"),
    table(
        ("NV: null as the data writes it", [("a", "None")], [("a", "None")], "nv"),
        ("NV: the word null", [("a", "null")], [("a", "None")], "nv"),
        ("NV: JSON null", [("a", None)], [("a", "None")], "nv"),
        ("NV: empty text", [("a", "")], [("a", "None")], "nv"),
        ("NV: white space and case", [(" A", " NONE ")], [("a", "None")], "nv"),
        ("NV: no entry", [], [("a", "None")], "nv"),
        ("NV: entry of another attribute only", [("b", "x")], [("a", "None")], "nv"),
        ("IV: a value where there is none", [("a", "x")], [("a", "None")], "iv"),
        ("NL: null for a value", [("a", "None")], [("a", "x")], "nl"),
        ("NL: JSON null for a value", [("a", None)], [("a", "x")], "nl"),
        ("NL: no entry", [], [("a", "x")], "nl"),
        ("CV: the value", [("a", "x")], [("a", "x")], "cv"),
        ("CV: case and white space of both", [(" Size", "xl ")], [("size ", " XL")], "cv"),
        ("CV: the first of two values", [("a", "x")], [("a", "x"), ("a", "y")], "cv"),
        ("CV: the second of two values", [("a", "y")], [("a", "x"), ("a", "y")], "cv"),
        ("WV: none of two values", [("a", "z")], [("a", "x"), ("a", "y")], "wv"),
        ("WV: part of the value", [("a", "red")], [("a", "dark red")], "wv"),
        ("the first entry counts: wrong", [("a", "z"), ("a", "x")], [("a", "x")], "wv"),
        ("the first entry counts: right", [("a", "x"), ("a", "z")], [("a", "x")], "cv"),
        ("the first entry counts: null", [("a", None), ("a", "x")], [("a", "x")], "nl"),
        ("the first entry counts in any case", [("A", "z"), ("a", "x")], [("a", "x")], "wv"),
        ("values of another attribute", [("a", "y")], [("a", "x"), ("b", "y")], "nl wv"),
        (
            "all five fates",
            [("a", "x"), ("b", "y"), ("c", "z"), ("d", None)],
            [("a", "x"), ("b", "None"), ("c", "q"), ("d", "None"), ("e", "r")],
            "cv iv nv nl wv",
        ),
        ("invalid output", None, [("a", "x"), ("a", "y"), ("b", "None"), ("c", "z")], "iv wv wv"),
    ),
)
def test_fates_of_target_attributes(answer: list | None, reference: list, fates: str) -> None:
    text = "no list" if answer is None else entries(*answer)
    (outcome,) = extraction_f1.outcomes(
        items("AVE", predictions("AVE", [(text, entries(*reference))]))
    )
    assert outcome == {name: fates.split().count(name) for name in ("nv", "iv", "cv", "wv", "nl")}


ONE = [("color", "dark red", TITLE)]


@pytest.mark.parametrize(
    ("answer", "reference", "ind", "ood", "predicted"),
    # Hits in IND and in OOD settings, and the predicted entries that count.
    table(
        ("equal in all three", ONE, ONE, 1, 1, 1),
        ("equal nulls", [("size", *NULL)], [("size", *NULL)], 1, 1, 1),
        ("equal JSON nulls", [("size", None, None)], [("size", None, None)], 1, 1, 1),
        ("value in another case", [("color", "Dark red", TITLE)], ONE, 0, 0, 1),
        ("attribute in another case", [("Color", "dark red", TITLE)], ONE, 0, 0, 1),
        ("value within the reference's", [("color", "red", TITLE)], ONE, 0, 1, 1),
        ("value around the reference's", [("color", "dark red wine", TITLE)], ONE, 0, 1, 1),
        ("another value", [("color", "blue", TITLE)], ONE, 0, 0, 1),
        ("source within the reference's", [("color", "dark red", "title")], ONE, 0, 1, 1),
        ("source around the reference's", [("color", "dark red", f"a {TITLE}")], ONE, 0, 1, 1),
        ("both within", [("color", "red", "title")], ONE, 0, 1, 1),
        ("another source", [("color", "dark red", "description")], ONE, 0, 0, 1),
        ("attribute within the reference's", [("col", "dark red", TITLE)], ONE, 0, 0, 1),
        ("value null", [("color", None, TITLE)], ONE, 0, 0, 1),
        ("source null", [("color", "red", None)], ONE, 0, 0, 1),
        ("no source", [("color", "dark red")], ONE, 0, 0, 1),
        ("each equal pair hits", ONE + ONE, ONE, 2, 2, 2),
        ("right and wrong", [*ONE, ("color", "blue", TITLE)], ONE, 1, 1, 2),
        ("the attribute of one, the value of another", [("size", "xl", TITLE)], ONE, 0, 0, 1),
        ("values that contain one another", *[[*ONE, ("color", "red", TITLE)]] * 2, 2, 4, 2),
        ("an entry without attribute", '[{"value": "dark red", "source": "x"}]', ONE, 0, 0, 0),
        ("an entry of an attribute only", '[{"attribute": "color"}]', ONE, 0, 0, 1),
        ("entries that are no objects", '["color", 1, null, [2]]', ONE, 0, 0, 0),
        ("an object that is no list", '{"attribute": "color"}', ONE, 0, 0, 0),
        ("a list in prose", f"Here: {entries(*ONE)}", ONE, 0, 0, 0),
        ("empty", "", ONE, 0, 0, 0),
    ),
)
def test_released_hits_are_pairs_of_entries(
    answer: list | str, reference: list, ind: int, ood: int, predicted: int
) -> None:
    text = answer if isinstance(answer, str) else entries(*answer)
    given = [(text, entries(*reference))]
    for setting, hits in ((IND, ind), (OOD, ood), ("OOD_Single_Instruction", ood)):
        scores = block("AVE", predictions("AVE", given, setting=setting))
        counts = {"hits": hits, "predicted": predicted, "references": len(reference)}
        assert scores["released"]["details"]["counts"] == counts
        assert scores["released"]["value"] == pytest.approx(2 * hits / (predicted + len(reference)))
        assert scores["released_2024"]["value"] == pytest.approx(2 * hits / len(reference))


def test_extraction_by_hand_under_all_protocols() -> None:
    pairs = [
        (  # CV and IV; one hit
            entries(("color", "red", TITLE), ("size", "xl", TITLE)),
            entries(("color", "red", TITLE), ("size", *NULL)),
        ),
        (  # NV and NL; one hit
            entries(("color", *NULL)),
            entries(("color", *NULL), ("brand", "acme", TITLE)),
        ),
        (  # invalid: WV; lenient: CV
            f"Here it is: {entries(('brand', 'Acme', TITLE))}",
            entries(("brand", "acme", TITLE)),
        ),
    ]
    scores = block("AVE", predictions("AVE", pairs))
    strict = scores["strict"]
    precision, recall = 2 / 4, 2 / 5
    assert strict["value"] == pytest.approx(2 * precision * recall / (precision + recall))
    assert strict["details"]["precision"] == pytest.approx(precision)
    assert strict["details"]["recall"] == pytest.approx(recall)
    assert strict["details"]["negative_share"] == pytest.approx(2 / 5)
    assert strict["details"]["counts"] == {"nv": 1, "iv": 1, "cv": 1, "wv": 1, "nl": 1}
    precision, recall = 3 / 4, 3 / 5
    lenient = 2 * precision * recall / (precision + recall)
    assert strict["details"]["lenient"]["value"] == pytest.approx(lenient)
    precision, recall = 2 / 3, 2 / 5
    released = 2 * precision * recall / (precision + recall)
    assert scores["released"]["value"] == pytest.approx(released)
    assert scores["released_2024"]["value"] == pytest.approx(2 * 2 / 5)


def test_an_extraction_score_of_2024_is_twice_the_recall_and_may_exceed_one() -> None:
    pairs = [
        (  # 2 hits of 3: the source of the colour is another one
            entries(
                ("brand", "acme", TITLE),
                ("color", "red", "description"),
                ("size", *NULL),
                ("weight", "5", TITLE),
            ),
            entries(("brand", "acme", TITLE), ("color", "red", TITLE), ("size", *NULL)),
        ),
        ("the brand is zeta", entries(("brand", "zeta", TITLE))),  # 0 hits of 1
        (  # 2 hits of 2
            entries(("brand", "bolt", TITLE), ("color", "blue", TITLE), ("size", *NULL)),
            entries(("brand", "bolt", TITLE), ("color", "blue", TITLE)),
        ),
    ]
    scores = block("AVE", predictions("AVE", pairs))
    hits, predicted, references = 2 + 0 + 2, 4 + 0 + 3, 3 + 1 + 2
    assert scores["released"]["details"]["recall"] == pytest.approx(hits / references)
    assert scores["released"]["value"] == pytest.approx(2 * hits / (predicted + references))
    assert scores["released_2024"]["value"] == pytest.approx(2 * 4 / 6)
    assert scores["released_2024"]["value"] > 1
    # CV, CV, NV; WV; CV, CV: 5 of 6 right, and all 6 answered.
    assert scores["strict"]["value"] == pytest.approx(5 / 6)


def test_f1_star_of_no_target_attribute_is_not_defined() -> None:
    strict = block("AVE", predictions("AVE", [("[]", "[]")]))["strict"]
    assert (strict["value"], strict["defined"]) == (0, False)
