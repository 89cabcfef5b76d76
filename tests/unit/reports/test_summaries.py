"""What a finished run, score.py, compare.py, differences.py and count_answers.py print."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from support.model_examples import run_here
from support.scoring_examples import FIVE, OOD, QUICK, entries, predictions
from support.scoring_examples import TASKS as KINDS
from support.table_files import (
    IND,
    TASKS,
    as_comparison,
    comparison_row,
    scores,
    write_metrics,
    write_simple,
    write_tidy,
)

from ecslm.common.files import write_json, write_jsonl
from ecslm.common.manifests import made_from, write_manifest
from ecslm.common.tidy_rows import read_tidy
from ecslm.comparisons.results import Comparison
from ecslm.reports.summaries import (
    NO_SCORES,
    WARNING,
    difference_summary,
    invalid_answers,
    run_summary,
    score_summary,
)
from ecslm.schemas.prediction import ScoredPrediction
from ecslm.scoring.score import score
from ecslm.tidy.study import StudyContext

SMALL = {"tasks": ["PM"], "local": True, "family": "Small"}
MODELS = {
    "Small": SMALL,
    "Small-limited": SMALL | {"limits": "x"},
    "Words": {"tasks": ["PM"], "learned": True, "local": True},
    "Small-EC": SMALL | {"seeds": [42], "adapter_of": "Small-EC", "trained": [42]},
}


def lines_of(results: Path, models: Any = MODELS) -> list[str]:
    context = {"tasks": {"PM": TASKS["PM"]}, "models": models, "simple": {"PM": ["Words"]}}
    context["setting_titles"] = {IND: "own records"}
    study = StudyContext.model_validate(context)
    write_tidy(results, study)
    return run_summary("demo", IND, study, results).splitlines()


def write_scores(results: Path, tuned: float, words: float, **tuned_has: Any) -> None:
    write_metrics(results, "Small-EC", "PM", {IND: scores(tuned, **tuned_has)}, seed=42)
    write_metrics(results, "Words", "PM", {IND: scores(words)})
    write_simple(results, "PM", "Words")


def test_a_tuned_model_stands_beside_its_base_and_the_best_simple_baseline(tmp_path: Path) -> None:
    write_metrics(tmp_path, "Small", "PM", {IND: scores(0.1)})
    write_metrics(tmp_path, "Small-limited", "PM", {IND: scores(0.2)})
    write_scores(tmp_path, 0.7, 0.61, n=1000, n_invalid=1)
    (tmp_path / "report.html").touch()
    assert lines_of(tmp_path) == [
        *("Study demo: strict scores, own records", "", "Small-EC"),
        "Task  Metric  Score  95 % interval  Invalid  Untuned  Best simple",
        "PM    F1      0.700    0.670-0.730     <1 %    0.100  0.610 Words",
        *("", f"Report: {tmp_path / 'report.html'}", f"All: {tmp_path}"),
    ]


@pytest.mark.parametrize(
    # As the scores are shown: 0.6996 is 0.700.
    ("tuned", "words", "as_good"),
    [(0.7, 0.6996, True), (0.7, 0.8, True), (0.7, 0.69, False), (-0.1, -0.2, False)],
)
def test_where_a_simple_baseline_is_as_good_and_where_answers_are_constant_is_said(
    tuned: float, words: float, as_good: bool, tmp_path: Path
) -> None:
    always = {"answers": {"distinct": 1, "most_frequent": "no", "count": 200}}
    write_scores(tmp_path, tuned, words, **always)
    lines = lines_of(tmp_path)
    assert lines[4].endswith(f"{words:.3f} Words{' (!)' * as_good}")
    assert lines[5] == "PM: the answer is always 'no'"
    assert (WARNING in lines) == as_good


def test_a_pdf_of_earlier_tables_is_said_to_be_out_of_date(tmp_path: Path) -> None:
    table, pdf = tmp_path / "ind.tex", tmp_path / "report.pdf"
    table.write_text("before", encoding="utf-8")
    pdf.touch()
    write_manifest(tmp_path / "report.pdf.manifest.json", made_from([table], {}, None, {}), [pdf])
    line = f"Report as PDF: {pdf}"
    assert line in lines_of(tmp_path)
    for change in (lambda: table.write_text("after", encoding="utf-8"), table.unlink):
        change()
        assert f"{line} (out of date: target `report` rebuilds it)" in lines_of(tmp_path)


def test_a_model_that_does_not_run_here_stands_by_itself(tmp_path: Path) -> None:
    assert lines_of(tmp_path) == [NO_SCORES, "", f"All: {tmp_path}"], "nothing is promised"
    write_metrics(tmp_path, "Other", "PM", {IND: scores(0.1)})
    lines = lines_of(tmp_path, {"Other": {"tasks": ["PM"]}})
    assert lines[2] == "Other"
    assert lines[4].split() == ["PM", "F1", "0.100", "0.070-0.130", "5", "%", "--", "--"]


OF_FAMILY = {"family", "p_holm", "p_holm_interval"}


def row(**changes: Any) -> Comparison:
    about = {"n": 1200, "n_b": 1200, "setting": "IND"} | changes
    return Comparison.model_validate(comparison_row(**about))


def test_differences_are_a_table_with_both_scores_interval_and_p_and_an_adjusted_one() -> None:
    expected = {
        **{"contrast": "tuning", "a": "Small-EC", "b": "Small", "setting": "IND", "model": "--"},
        **{"n": "1200", "n_b": "1200", "value_a": "0.6", "value_b": "0.5", "difference": "0.1"},
        **{"ci95": "0.05 to 0.15", "reliable": "True", "p": "0.0004", "p_holm": "0.012"},
        "sound": "True",
    }
    title, head, line, *_, none = difference_summary({"PM": [row()], "AG": []}).splitlines()[:5]
    assert (title, none) == ("PM", "AG: no difference to test: no contrast has both of its sides")
    cells = zip(*(re.split(" {2,}", one) for one in (head, line)), strict=True)
    assert dict(cells) == expected
    bootstrap = {"test": "bootstrap", "reliable": False, "p": 0.2}
    for changes, shown in (
        (bootstrap, ["False", "0.2", "0.012", "False"]),
        ({"difference": None, "ci95": None, "p": None}, ["--", "--", "True", "--"]),
    ):
        words = difference_summary({"PM": [row(**changes)]}).splitlines()[2]
        assert " ".join(shown) in " ".join(words.split())


def test_the_script_prints_what_it_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_json(tmp_path / "d/PM.json", [row().model_dump(exclude=OF_FAMILY)])
    options = ["--differences", tmp_path / "d/PM.json", "--output", tmp_path / "c.parquet"]
    assert run_here(monkeypatch, "compare.py", options) == 0
    assert capsys.readouterr().out.startswith("PM\ncontrast")
    assert run_here(monkeypatch, "compare.py", [*options, "--json"]) == 0
    (written,) = read_tidy(tmp_path / "c.parquet")
    printed = json.loads(capsys.readouterr().out)
    assert printed == {"PM": [as_comparison(written).model_dump(mode="json")]}


def test_files_of_answers_alone_show_constants_and_how_far_models_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Options of predictions count as their letters, and settings apart."""

    def counted(*options: object) -> list[str]:
        assert run_here(monkeypatch, "count_answers.py", list(options)) == 0
        return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()[1:]]

    for name, texts in {
        "Big/IND.json": ["no", "yes", "no", "yes"],
        "Small/IND.json": [" no", "no", "no", "no"],
        "Small/OOD.json": [],
    }.items():
        write_json(tmp_path / name, texts)
    assert counted(*sorted(tmp_path.rglob("*.json")), "--yes", 1) == [
        "Big IND.json 4 2 2 50.0 % 'no'",
        "Small IND.json 4 1 4 100.0 % 'no' constant: always no has F1 0.000",
        *("Small OOD.json 0 -- -- -- --", "", "Model Model Answers to Same answer By chance"),
        "Big Small IND.json 50.0 % 50.0 %",
    ]
    answers = [("IND", "A: one"), ("IND", "A: another"), ("OOD", "B"), ("OOD", "Both")]
    rows = [{"setting": setting, "prediction": text} for setting, text in answers]
    write_jsonl(tmp_path / "SR.jsonl", rows)
    assert [line.split()[1:5] for line in counted(tmp_path / "SR.jsonl")] == [
        ["SR.jsonl", "IND", "2", "1"],
        ["SR.jsonl", "OOD", "2", "2"],
    ]


# Of one task


MIXED = [("yes", "yes"), ("Yes, it is", "yes"), ("no", "yes"), ("yes", "no"), ("no", "no")]
EVIL = "\x1b[2J"


def shown(code: str, given: list[ScoredPrediction], **row: Any) -> str:
    return score_summary(score(given, KINDS[code], QUICK, **row).metrics)


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
    outcomes = score(given, KINDS["PM"], QUICK).outcomes
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
