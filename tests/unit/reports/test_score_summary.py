"""The summary of scores and the list of invalid answers, as people read them."""

from typing import Any

import pytest
from support.scoring_examples import FIVE, IND, OOD, QUICK, TASKS, TWENTY, entries, predictions

from ecslm.reports.score_summary import invalid_answers, summary
from ecslm.schemas.prediction import Prediction
from ecslm.scoring.score import Row, score


def shown(code: str, given: list[Prediction], **row: Any) -> str:
    return summary(score(given, Row(code, **row), TASKS[code], QUICK).metrics)


def tables(text: str, name: str) -> list[list[list[str]]]:
    """The words of the parts of the text that begin with `name`."""
    parts = [[line.split() for line in part.split("\n")] for part in text.split("\n\n")]
    return [part for part in parts if part[0][0] == name]


MIXED = [("yes", "yes"), ("Yes, it is", "yes"), ("no", "yes"), ("yes", "no"), ("no", "no")]


def test_every_setting_has_its_counts_and_values() -> None:
    given = predictions("PM", MIXED)
    given[2] = given[2].model_copy(update={"finish_reason": "length"})
    more = [
        one.model_copy(update={"id": f"{one.id}o", "setting": OOD})
        for one in predictions("PM", [("yes", "yes")])
    ]
    text = shown("PM", [*more, *given])
    counts, values = tables(text, "Setting")
    assert counts[1:] == [
        [IND, "5", "1", "(20.0", "%)", "1", "3", "40.0", "%"],
        [OOD, "1", "0", "(0.0", "%)", "0", "1", "100.0", "%"],
    ]
    assert f"nearly all records:\n  {OOD}: always 'yes'\n\n" in text
    assert values[0] == ["Setting", "Strict", "95", "%", "interval", "Lenient", "Released"]
    assert (values[1][:2], values[1][-2:]) == ([IND, "0.400"], ["0.667", "0.500"])
    (details,), (by_class,) = tables(text, "Details"), tables(text, "F1")
    names = "accuracy balanced accuracy mcc precision recall specificity npv"
    assert details[0][1:] == names.split()
    assert details[1] == [IND, "0.400", "0.417", "-0.167", "0.500", "0.333", "0.500", "0.333"]
    assert by_class[1] == [IND, "0.400", "0.400"]


def test_confusion_has_the_invalid_answers_last() -> None:
    text = shown("PM", predictions("PM", MIXED))
    assert text.endswith(
        f"References (rows) by answer (columns), {IND}\n"
        "     yes  no  invalid\n"
        "yes    1   1        1\n"
        "no     1   1        0"
    )
    text = shown("SA", predictions("SA", [("E", "B"), ("?", "A")], FIVE))
    assert text.endswith("   A  B  E  invalid\nA  0  0  0        1\nB  0  0  1        0")


def test_counts_are_shown_where_no_matrix_has_them() -> None:
    assert not tables(shown("PM", predictions("PM", MIXED)), "Counts")
    text = shown("SR", predictions("SR", [("A", "A"), ("B", "A")], TWENTY))
    assert tables(text, "Counts") == [[["Counts", "hits", "misses"], [IND, "1", "1"]]]
    text = shown("AVE", predictions("AVE", [("[]", entries(("colour", "red")))]))
    (counts,) = tables(text, "Counts")
    assert counts[1] == [IND, "0", "0", "0", "0", "1"]
    assert "nl:  attributes with a value, answered with none" in text


def test_the_older_released_scorer_is_shown_where_it_differs() -> None:
    answer = entries(("colour", "red"))
    assert "Released 2024" in shown("AVE", predictions("AVE", [(answer, answer)]))
    assert "2024" not in shown("PM", predictions("PM", MIXED))


def test_an_undefined_value_is_no_zero_and_has_no_interval() -> None:
    text = shown("PM", predictions("PM", [("no", "no")] * 3))
    _, values = tables(text, "Setting")
    assert values[1] == [IND, "--", "--", "--", "--"]
    assert "\n--:  " in text
    assert "not reliable" not in text


@pytest.mark.parametrize(("records", "reliable"), [(20, False), (400, True)])
def test_an_interval_that_is_not_reliable_says_so(records: int, reliable: bool) -> None:
    pairs = [("A", "A"), ("A", "B"), ("B", "B"), ("B", "A")] * (records // 4)
    text = shown("PRP", predictions("PRP", pairs, FIVE[:3]))
    assert ("(not reliable)" in text) != reliable


def listed(given: list[Prediction], width: int = 100) -> list[str]:
    outcomes = score(given, Row("PM"), TASKS["PM"], QUICK).outcomes
    return invalid_answers(given, outcomes, width).splitlines()


def test_invalid_answers_stand_in_the_order_of_the_file() -> None:
    given = predictions("PM", [("maybe", "yes"), ("yes", "yes"), ("", "no"), ("so\n\x1b[1m", "no")])
    given[0] = given[0].model_copy(update={"setting": OOD})
    lines = listed(given)
    assert lines[0] == "Answers that strict could not read: 3 of 4"
    assert lines[2].split() == ["Setting", "Id", "Reference", "Answer"]
    assert [line.split() for line in lines[3:]] == [
        [OOD, "r0", "'yes'", "'maybe'"],
        [IND, "r2", "'no'", "''"],
        [IND, "r3", "'no'", r"'so\n\x1b[1m'"],
    ]
    assert len({line.index("  '", 30) for line in lines[3:]}) == 1


@pytest.mark.parametrize("width", [80, 100, 160])
def test_long_answers_are_cut_to_the_width(width: int) -> None:
    lines = listed(predictions("PM", [("well, " * 500, "yes")]), width)
    assert len(lines[-1]) == width
    assert lines[-1].endswith("...")


def test_names_cannot_command_the_terminal() -> None:
    evil = "\x1b[2J"
    given = predictions("PM", [("?", "yes")], setting=evil)
    given = [given[0].model_copy(update={"id": evil})]
    assert evil not in "\n".join(listed(given))
    assert evil not in shown("PM", given, model=evil)
