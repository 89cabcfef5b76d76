"""The summary of scores and the list of invalid answers, as people read them."""

from typing import Any

from support.scoring_examples import FIVE, OOD, QUICK, TASKS, entries, predictions

from ecslm.reports.score_summary import invalid_answers, summary
from ecslm.schemas.prediction import ScoredPrediction
from ecslm.scoring.score import score

MIXED = [("yes", "yes"), ("Yes, it is", "yes"), ("no", "yes"), ("yes", "no"), ("no", "no")]
EVIL = "\x1b[2J"


def shown(code: str, given: list[ScoredPrediction], **row: Any) -> str:
    return summary(score(given, TASKS[code], QUICK, **row).metrics)


def facts(text: str) -> dict[str, str]:
    """The last of what is said, by its name."""
    pairs = (line.strip().partition("  ") for line in text.splitlines())
    return {name: value.strip() for name, _, value in pairs}


def test_every_setting_has_its_counts_values_and_matrix() -> None:
    given = predictions("PM", MIXED)
    given[2] = given[2].model_copy(update={"finish_reason": "length"})
    text = shown("PM", given, model="Small", seed=3)
    assert text.startswith("PM: F1 of Small, seed 3\n")
    expected = {
        **{"Records": "5", "Invalid answers": "1 (20.0 %)", "Answers cut off": "1"},
        **{"Accuracy": "0.400", "Different answers": "3", "Strict score": "0.400", "MCC": "-0.167"},
        **{"Score with the lenient parser": "0.667", "Score by the released scorer": "0.500"},
        **{"F1 by class": "yes 0.400; no 0.400", "Method": "wilson, may be too narrow"},
    }
    assert expected.items() <= facts(text).items()
    assert not {"Counts", "Score by the 2024 scorer"} & facts(text).keys()
    assert text.endswith(
        "  Right answers (rows) by answers (columns)\n"
        "       yes  no  invalid\n"
        "  yes    1   1        1\n"
        "  no     1   1        0"
    )
    more = [one.model_copy(update={"id": f"{one.id}o", "setting": OOD}) for one in given[:1]]
    assert f"\n{OOD}\n  Records " in shown("PM", [*more, *given])


def test_classes_that_are_no_reference_follow_in_the_matrix() -> None:
    lines = shown("SA", predictions("SA", [("E", "B"), ("?", "A")], FIVE)).splitlines()
    assert [line.split() for line in lines[-3:]] == [
        *(["A", "B", "E", "invalid"], ["A", "0", "0", "0", "1"], ["B", "0", "0", "1", "0"])
    ]


def test_the_older_scorer_is_shown_where_it_differs() -> None:
    right = entries(("colour", "red"))
    found = facts(shown("AVE", predictions("AVE", [("[]", right), (right, right)])))
    assert "Score by the 2024 scorer" in found


def test_an_undefined_value_is_no_zero_and_has_no_interval() -> None:
    found = facts(shown("PM", predictions("PM", [("no", "no")] * 3)))
    assert not {"Strict score", "95 % interval", "Score by the released scorer"} & set(found)
    assert found["Recall"] == "not defined"


def test_invalid_answers_stand_in_the_order_of_the_file_and_command_no_terminal() -> None:
    given = predictions("PM", [("maybe", "yes"), ("yes", "yes"), ("", "no"), (f"so\n{EVIL}", "no")])
    given[0] = given[0].model_copy(update={"setting": OOD})
    given[3] = given[3].model_copy(update={"id": EVIL})
    outcomes = score(given, TASKS["PM"], QUICK).outcomes
    title, _, head, *lines = invalid_answers(given, outcomes).splitlines()
    assert title == "Answers that strict could not read: 3 of 4"
    assert head.split() == ["Setting", "Id", "Reference", "Answer"]
    assert [line.split()[1:] for line in lines] == [
        ["r0", "'yes'", "'maybe'"],
        ["r2", "'no'", "''"],
        [repr(EVIL), "'no'", r"'so\n\x1b[2J'"],
    ]
    text = shown("PM", predictions("PM", [("?", "yes")], setting=EVIL), model=EVIL)
    assert EVIL not in "\n".join([*lines, text])
